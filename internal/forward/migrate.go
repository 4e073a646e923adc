package forward

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// Migration is one step of River's schema.
type Migration struct {
	Version int
	Name    string
	Applied bool
}

// Migrate brings River's tables up to the version of this build and returns the steps it took. It takes no lock: two
// processes that migrate at the same time would fail, so call it under the lock of the ledger's own migrations. On SQLite
// the pool's connection must be free.
func Migrate(ctx context.Context, db Database, log *slog.Logger) ([]Migration, error) {
	if err := db.valid(); err != nil {
		return nil, err
	}
	if db.Postgres != nil {
		steps, err := migrateUp(ctx, riverpgxv5.New(db.Postgres), log)
		if err != nil {
			return nil, err
		}
		if _, err = db.Postgres.Exec(ctx, "DROP INDEX IF EXISTS "+strings.Join(unusedIndexes(), ", ")); err != nil {
			return nil, fmt.Errorf("drop unused indexes of the queue: %w", err)
		}
		return steps, nil
	}
	return migrateUp(ctx, riversqlite.New(db.SQLite), log)
}

// MigrationStatus lists all steps of River's schema that this build knows, first one first.
func MigrationStatus(ctx context.Context, db Database, log *slog.Logger) ([]Migration, error) {
	if err := db.valid(); err != nil {
		return nil, err
	}
	if db.Postgres != nil {
		return migrationStatus(ctx, riverpgxv5.New(db.Postgres), log)
	}
	return migrationStatus(ctx, riversqlite.New(db.SQLite), log)
}

// unusedIndexes are those of River on PostgreSQL that serve searches in arguments and metadata. Nobody makes any here, and
// keeping these two up to date takes longer than everything else about making a job.
func unusedIndexes() []string { return []string{"river_job_args_index", "river_job_metadata_index"} }

func migrator[Tx any](driver riverdriver.Driver[Tx], log *slog.Logger) (*rivermigrate.Migrator[Tx], error) {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(quietHandler{log.Handler()})})
	if err != nil {
		return nil, fmt.Errorf("queue's schema: %w", err)
	}
	return m, nil
}

func migrateUp[Tx any](ctx context.Context, driver riverdriver.Driver[Tx], log *slog.Logger) ([]Migration, error) {
	m, err := migrator(driver, log)
	if err != nil {
		return nil, err
	}
	done, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return nil, fmt.Errorf("migrate the queue's schema: %w", err)
	}
	steps := make([]Migration, len(done.Versions))
	for i, v := range done.Versions {
		steps[i] = Migration{Version: v.Version, Name: v.Name, Applied: true}
	}
	return steps, nil
}

func migrationStatus[Tx any](ctx context.Context, driver riverdriver.Driver[Tx], log *slog.Logger) ([]Migration, error) {
	m, err := migrator(driver, log)
	if err != nil {
		return nil, err
	}
	existing, err := m.ExistingVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the version of the queue's schema: %w", err)
	}
	applied := make(map[int]bool, len(existing))
	for _, v := range existing {
		applied[v.Version] = true
	}
	var steps []Migration
	for _, v := range m.AllVersions() {
		steps = append(steps, Migration{Version: v.Version, Name: v.Name, Applied: applied[v.Version]})
	}
	return steps, nil
}

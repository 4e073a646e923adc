package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
)

// Migration is one step of the schema.
type Migration = ledger.Migration

// Migrate applies what is pending, under a lock, and returns it.
func Migrate(ctx context.Context, cfg *config.Config) ([]Migration, error) {
	if err := makeDataDir(cfg); err != nil {
		return nil, err
	}
	return ledger.Migrate(ctx, migratesQueue(ledgerOptions(cfg), quiet()))
}

// MigrateDown takes the last step back, with everything its tables hold; nil when there was none.
func MigrateDown(ctx context.Context, cfg *config.Config) (*Migration, error) {
	return ledger.MigrateDown(ctx, ledgerOptions(cfg))
}

// MigrationStatus lists all steps, oldest first.
func MigrationStatus(ctx context.Context, cfg *config.Config) ([]Migration, error) {
	return ledger.MigrationStatus(ctx, ledgerOptions(cfg))
}

// BumpEpoch begins a new life of the database, so that older marks in Redis count no more.
func BumpEpoch(ctx context.Context, cfg *config.Config, actor, reason string) error {
	l, err := ledger.Open(ctx, ledgerOptions(cfg), quiet())
	if err != nil {
		return err
	}
	return errors.Join(l.BumpEpoch(ctx, actor, reason), l.Close())
}

// makeDataDir makes the folder where the embedded database and made tokens are kept.
func makeDataDir(cfg *config.Config) error {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir can't be made (set data_dir or DEDUPGATE_DATA_DIR to a folder that can be written): %w", err)
	}
	return nil
}

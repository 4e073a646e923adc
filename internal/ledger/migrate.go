package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrationFiles embed.FS

const (
	versionTable = "dedupgate_migrations"
	// migrationLock is the advisory lock round everything that changes the schema: "dedupgat" in ASCII.
	migrationLock      = 0x6465647570676174
	migrationLockRetry = 100 * time.Millisecond
	schemaConnections  = 4
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: pending
}

// Migrate brings the schema up to date and makes the partitions of the coming days. Several processes may call it at
// once: one works, the others wait and find it done. It returns what this call has applied.
func Migrate(ctx context.Context, opts Options) (applied []Migration, err error) {
	err = withSchema(ctx, opts, func(s schema) error {
		results, err := s.goose.Up(ctx)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		for _, r := range results {
			applied = append(applied, Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path), AppliedAt: s.now()})
		}
		if err = s.prepare(ctx, s); err != nil || opts.Also == nil {
			return err
		}
		return opts.Also(ctx, s.handles)
	})
	return applied, err
}

// Handles are connections to a database whose schema is being changed. One of the two is nil.
type Handles struct {
	Postgres *pgxpool.Pool
	SQLite   *sql.DB
}

// MigrateDown takes the last step back, with all that its tables hold. It returns that step, or nil when none is left.
func MigrateDown(ctx context.Context, opts Options) (undone *Migration, err error) {
	err = withSchema(ctx, opts, func(s schema) error {
		r, err := s.goose.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("migrate down: %w", err)
		}
		undone = &Migration{Version: r.Source.Version, Name: path.Base(r.Source.Path)}
		return nil
	})
	return undone, err
}

// MigrationStatus lists all steps, oldest first.
func MigrationStatus(ctx context.Context, opts Options) (list []Migration, err error) {
	err = withSchema(ctx, opts, func(s schema) error {
		status, err := s.goose.Status(ctx)
		if err != nil {
			return fmt.Errorf("migration status: %w", err)
		}
		for _, m := range status {
			list = append(list, Migration{Version: m.Source.Version, Name: path.Base(m.Source.Path), AppliedAt: m.AppliedAt})
		}
		return nil
	})
	return list, err
}

// schema is a database whose schema nobody else changes meanwhile.
type schema struct {
	db      *sql.DB
	handles Handles
	goose   *goose.Provider
	now     func() time.Time
	prepare func(ctx context.Context, s schema) error // what has to be there besides the tables
}

func withSchema(ctx context.Context, opts Options, change func(schema) error) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	if opts.URL == "" {
		return withSQLiteSchema(opts, change)
	}
	return withPostgresSchema(ctx, opts, change)
}

func withSQLiteSchema(opts Options, change func(schema) error) error {
	if err := ownFile(opts.Path); err != nil {
		return badFile(opts.Path, err)
	}
	db, err := sqliteDB(opts.Path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	provider, err := newProvider(goose.DialectSQLite3, db, "migrations/sqlite")
	if err != nil {
		return err
	}
	return change(schema{db, Handles{SQLite: db}, provider, opts.Now, func(context.Context, schema) error { return nil }})
}

// withPostgresSchema holds the lock on a connection of its own, so that it spans whatever else runs under it, on however
// many connections.
func withPostgresSchema(ctx context.Context, opts Options, change func(schema) error) error {
	cfg, err := connConfig(opts.URL)
	if err != nil {
		return err
	}
	holder, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", bare(err))
	}
	defer func() { _ = holder.Close(context.WithoutCancel(ctx)) }() // gives the lock back
	if err = waitForLock(ctx, holder, migrationLock); err != nil {
		return err
	}
	pool, err := schemaPool(opts.URL)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	provider, err := newProvider(goose.DialectPostgres, db, "migrations/postgres")
	if err != nil {
		return err
	}
	return change(schema{db, Handles{Postgres: pool}, provider, opts.Now, func(ctx context.Context, s schema) error {
		return makePartitions(ctx, s.db, s.now())
	}})
}

// schemaPool is closed soon: its few connections are not worth anything to keep.
func schemaPool(url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errBadURL
	}
	cfg.MaxConns = schemaConnections
	setBounds(cfg.ConnConfig)
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return pool, nil
}

// waitForLock asks again and again instead of waiting inside the server, where lock_timeout would end it.
func waitForLock(ctx context.Context, conn *pgx.Conn, key int64) error {
	for {
		var got bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&got); err != nil {
			return fmt.Errorf("lock the schema: %w", err)
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process is changing the schema: %w", ctx.Err())
		case <-time.After(migrationLockRetry):
		}
	}
}

func newProvider(dialect goose.Dialect, db *sql.DB, dir string) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, dir)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider(dialect, db, files,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return provider, nil
}

// embedded lists the steps that this program has, oldest first.
func embedded(dir string) ([]Migration, error) {
	files, err := fs.ReadDir(migrationFiles, dir)
	if err != nil {
		return nil, err
	}
	list := make([]Migration, 0, len(files))
	for _, f := range files {
		version, err := goose.NumericComponent(f.Name())
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", f.Name(), err)
		}
		list = append(list, Migration{Version: version, Name: f.Name()})
	}
	return list, nil
}

func without(all []Migration, applied []int64) []Migration {
	return slices.DeleteFunc(all, func(m Migration) bool { return slices.Contains(applied, m.Version) })
}

package ledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Facts are what an operator has to know of a database before a gateway can rely on it.
type Facts struct {
	Engine  string // "PostgreSQL" or "SQLite"
	Version string
	TooOld  bool // PostgreSQL below 13

	TakesWrites bool // false on a standby or a read-only database
	// Fsync and SynchronousCommit are the server's settings. With fsync off a crash of the server may lose receipts that were
	// answered 2xx; synchronous_commit is set to on by every connection of a [Ledger]. Both are "on" for SQLite.
	Fsync             string
	SynchronousCommit string

	Pending              []Migration // not applied yet
	DefaultPartitionRows int64       // receipts for which no day's partition was there; 0 on SQLite
	MissingPartitions    int         // of today and the next seven days; 0 on SQLite
}

// Durable reports whether what a ledger commits survives a crash of the database's machine.
func (f Facts) Durable() bool { return f.Fsync == "on" }

const oldestPostgres = 130000

// Inspect connects and looks. It changes nothing, and works before the first migration.
func Inspect(ctx context.Context, opts Options) (Facts, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return Facts{}, err
	}
	if opts.URL == "" {
		return inspectSQLite(ctx, opts)
	}
	return inspectPostgres(ctx, opts)
}

func inspectPostgres(ctx context.Context, opts Options) (f Facts, err error) {
	cfg, err := connConfig(opts.URL)
	if err != nil {
		return f, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return f, fmt.Errorf("connect to the database: %w", bare(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	f.Engine = "PostgreSQL"
	var number string
	var readOnly, migrated bool
	err = conn.QueryRow(ctx, `
SELECT current_setting('server_version'), current_setting('server_version_num'), current_setting('fsync'),
       current_setting('synchronous_commit'), current_setting('transaction_read_only')::bool OR pg_is_in_recovery(),
       to_regclass('receipts_default') IS NOT NULL`,
	).Scan(&f.Version, &number, &f.Fsync, &f.SynchronousCommit, &readOnly, &migrated)
	if err != nil {
		return f, fmt.Errorf("ask the database for its settings: %w", bare(err))
	}
	n, _ := strconv.Atoi(number)
	f.TooOld, f.TakesWrites = n < oldestPostgres, !readOnly
	if f.Pending, err = pendingPostgres(ctx, conn); err != nil || !migrated {
		return f, err
	}
	err = conn.QueryRow(ctx, defaultPartitionRows).Scan(&f.DefaultPartitionRows)
	if err == nil {
		err = conn.QueryRow(ctx, missingPartitions, partitionNames(opts.Now())).Scan(&f.MissingPartitions)
	}
	if err != nil {
		return f, fmt.Errorf("look at the partitions: %w", bare(err))
	}
	return f, nil
}

// pendingPostgres reads the version table itself: goose would make it.
func pendingPostgres(ctx context.Context, conn *pgx.Conn) ([]Migration, error) {
	all, err := embedded("migrations/postgres")
	if err != nil {
		return nil, err
	}
	var there bool
	if err = conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", versionTable).Scan(&there); err != nil || !there {
		return all, bare(err)
	}
	rows, err := conn.Query(ctx, "SELECT version_id FROM "+versionTable+" WHERE is_applied")
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", bare(err))
	}
	applied, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return without(all, applied), bare(err)
}

func inspectSQLite(ctx context.Context, opts Options) (f Facts, err error) {
	f = Facts{Engine: "SQLite", TakesWrites: true, Fsync: "on", SynchronousCommit: "on"}
	if f.Pending, err = embedded("migrations/sqlite"); err != nil || !isFile(opts.Path) {
		return f, err
	}
	db, err := sqliteDB(opts.Path)
	if err != nil {
		return f, err
	}
	defer func() { _ = db.Close() }()
	var there bool
	err = db.QueryRowContext(ctx, "SELECT sqlite_version(), EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?)", versionTable).Scan(&f.Version, &there)
	if err != nil || !there {
		return f, badFile(opts.Path, err)
	}
	rows, err := db.QueryContext(ctx, "SELECT version_id FROM "+versionTable+" WHERE is_applied")
	if err != nil {
		return f, badFile(opts.Path, err)
	}
	defer func() { _ = rows.Close() }()
	var applied []int64
	for rows.Next() {
		var version int64
		if err = rows.Scan(&version); err != nil {
			return f, err
		}
		applied = append(applied, version)
	}
	f.Pending = without(f.Pending, applied)
	return f, rows.Err()
}

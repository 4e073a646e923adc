package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// The bounds that every connection to PostgreSQL carries.
const (
	// lockTimeout ends the wait for a row that somebody else has locked: the batch is split instead.
	lockTimeout = 500 * time.Millisecond
	// idleTimeout frees the locks of a transaction whose gateway has hung.
	idleTimeout    = 5 * time.Second
	connectTimeout = 2 * time.Second
	applicationTag = "dedupgate"
)

// openPostgres makes the pool and GORM on top of it. It does not connect.
func openPostgres(opts Options) (*gorm.DB, *pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		return nil, nil, errBadURL
	}
	cfg.MaxConns = int32(min(opts.MaxConnections, 1<<15))
	setBounds(cfg.ConnConfig)
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		readTimesInUTC(conn)
		writeArrays(conn)
		if err := commitDurably(ctx, conn); err != nil {
			return err
		}
		return learnIdentity(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: openPipelined(pool)}), gormConfig())
	if err != nil {
		pool.Close()
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	return db, pool, nil
}

// commitDurably makes a commit mean that it survives a crash of the server, should the server's own setting say otherwise:
// a 2xx is a receipt. Stricter settings stay.
func commitDurably(ctx context.Context, conn *pgx.Conn) error {
	const query = `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`
	if _, err := conn.Exec(ctx, query); err != nil {
		return fmt.Errorf("set synchronous_commit: %w", err)
	}
	return nil
}

// errBadURL stands for pgx's own error, which may show parts of the URL.
var errBadURL = errors.New("database.url: want postgres://user:password@host:5432/name")

// connConfig is for connections outside of the pool: migrations, checks.
func connConfig(url string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errBadURL
	}
	setBounds(cfg)
	return cfg, nil
}

func setBounds(cfg *pgx.ConnConfig) {
	cfg.ConnectTimeout = connectTimeout
	maps.Copy(cfg.RuntimeParams, map[string]string{
		"lock_timeout":                        millis(lockTimeout),
		"idle_in_transaction_session_timeout": millis(idleTimeout),
		"timezone":                            "UTC",
		"application_name":                    applicationTag,
	})
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// readTimesInUTC makes timestamps come back in UTC instead of the process's zone.
func readTimesInUTC(conn *pgx.Conn) {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Options of a ledger.
type Options struct {
	// URL of PostgreSQL 13 or newer, postgres://user:password@host:5432/name. Empty: SQLite at Path.
	URL string
	// Path of the SQLite file; its folder must exist. Ignored with a URL.
	Path string
	// MaxConnections bounds this process's connections to PostgreSQL. 0: 16. SQLite always has one.
	MaxConnections int
	// Also changes the schema further, after the ledger's own steps and under the same lock. nil: nothing.
	Also func(ctx context.Context, h Handles) error
	// Now is the clock of retention, partitions and audit rows. nil: time.Now.
	Now func() time.Time
}

const defaultMaxConnections = 16

func (o Options) withDefaults() (Options, error) {
	if o.URL == "" && o.Path == "" {
		return o, errors.New("ledger: neither a database URL nor the path of a SQLite file is set")
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.MaxConnections < 2 {
		return o, errors.New("ledger: the database needs at least 2 connections")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Ledger implements [dedup.Ledger] and [dedup.HitSink]. It is safe for concurrent use.
type Ledger struct {
	db      *gorm.DB
	reads   *gorm.DB      // for what operators ask: on SQLite connections of its own, so that nobody waits for a long listing
	pool    *pgxpool.Pool // nil on SQLite
	dialect dialect
	now     func() time.Time
	log     *slog.Logger
	probe   probe
	shards  shards
	outbox  Outbox     // nil: nothing is forwarded
	doubt   Doubt      // nil: nothing is looked up
	others  func() int // how many other bodies are kept beside an event; nil: none

	statements *statements
}

var (
	_ dedup.Ledger  = (*Ledger)(nil)
	_ dedup.HitSink = (*Ledger)(nil)
)

// Open prepares a ledger over a migrated database (see [Migrate]). PostgreSQL is not connected to before it is needed, so
// that a gateway can start before its database. Until [Ledger.Run] is started nothing probes the database: the
// incarnation is not fresh and the ledger not ready.
func Open(ctx context.Context, opts Options, log *slog.Logger) (*Ledger, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	l := &Ledger{now: opts.Now, log: log}
	if opts.URL == "" {
		l.dialect = sqliteDialect{}
		l.db, l.reads, err = openSQLite(ctx, opts.Path)
	} else {
		l.dialect = postgresDialect{}
		l.db, l.pool, err = openPostgres(opts)
		l.reads = l.db
	}
	if err != nil {
		return nil, err
	}
	l.statements = newStatements(l.dialect)
	return l, nil
}

// Close ends all connections. Calls under way fail.
func (l *Ledger) Close() error {
	err := closePool(l.db)
	if l.reads != l.db {
		err = errors.Join(err, closePool(l.reads))
	}
	if l.pool != nil {
		l.pool.Close()
	}
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

func closePool(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// gormConfig turns off what GORM does unasked: a transaction round every statement, a ping at opening, log lines (which
// would hold payloads).
func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return time.Now().UTC() },
	}
}

package ledger

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Outbox knows where events go, and makes the jobs that hand them on, inside the transaction that stores event and
// delivery. It is safe for concurrent use.
type Outbox interface {
	// Route names the destinations of an event, each at most once. It must not block.
	Route(e delivery.Event) []delivery.Route
	// EnqueuePostgres makes a job for each delivery in the ledger's transaction, which it must not end.
	EnqueuePostgres(ctx context.Context, tx pgx.Tx, due []delivery.Due) error
	// EnqueueSQLite does the same.
	EnqueueSQLite(ctx context.Context, tx *sql.Tx, due []delivery.Due) error
	// WithdrawPostgres takes back the jobs of deliveries that nobody works on yet, in the ledger's transaction.
	WithdrawPostgres(ctx context.Context, tx pgx.Tx, ids []dedup.ID) error
	// WithdrawSQLite does the same.
	WithdrawSQLite(ctx context.Context, tx *sql.Tx, ids []dedup.ID) error
	// TakePostgres ends, in the ledger's transaction, jobs of processes that have gone, if their signs of life are still
	// those that were seen, and returns what these jobs could have claimed.
	TakePostgres(ctx context.Context, tx pgx.Tx, lost []delivery.LostJob) ([]delivery.Claim, error)
	// TakeSQLite does the same.
	TakeSQLite(ctx context.Context, tx *sql.Tx, lost []delivery.LostJob) ([]delivery.Claim, error)
}

// SetOutbox has to be called before anything is recorded. Without an outbox nothing is forwarded.
func (l *Ledger) SetOutbox(o Outbox) { l.outbox = o }

// Postgres is the pool that everything shares; nil on SQLite.
func (l *Ledger) Postgres() *pgxpool.Pool { return l.pool }

// SQLite is the one connection that everything shares; nil on PostgreSQL.
func (l *Ledger) SQLite() *sql.DB {
	if l.pool != nil {
		return nil
	}
	db, err := l.db.DB()
	if err != nil {
		return nil
	}
	return db
}

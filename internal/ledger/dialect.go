package ledger

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// dialect is all that differs between the two databases, besides the migrations and how connections are made.
type dialect interface {
	forwardingDialect
	// identify asks the database who it is, and fails unless it takes writes.
	identify(ctx context.Context, l *Ledger) (identity, error)
	// identityOf is who a pinned connection said it is when it was made.
	identityOf(ctx context.Context, conn *gorm.DB) (identity, error)
	// hasArrays: rows travel as one array a column.
	hasArrays() bool
	// maxRows is the most rows of so many columns that one statement takes.
	maxRows(columns int) int
	// reconnect replaces all connections, the used ones when they are given back.
	reconnect(l *Ledger)
	// planAfresh makes the rest of the transaction plan its statements for the tables as they are now.
	planAfresh(tx *gorm.DB) error
	// tryLock takes an advisory lock for the rest of the transaction, unless another process has it.
	tryLock(tx *gorm.DB, key int64) (bool, error)
	// makePartitions makes the partitions of the coming days.
	makePartitions(ctx context.Context, l *Ledger) error
	// receiptsJob deletes the receipts from before a cutoff, or whole days of them.
	receiptsJob(l *Ledger) func(ctx context.Context, cutoff time.Time) error
}

// forwardingDialect is what differs for deliveries.
type forwardingDialect interface {
	// enqueue lets the outbox make jobs in a transaction that was begun on a pinned connection.
	enqueue(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, due []delivery.Due) error
	// withdraw lets the outbox take jobs back in such a transaction.
	withdraw(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, ids []dedup.ID) error
	// take lets the outbox end the jobs of processes that have gone, in such a transaction.
	take(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, lost []delivery.LostJob) ([]delivery.Claim, error)
	// piped runs work in a transaction whose statements travel together.
	piped(ctx context.Context, l *Ledger, operation string, work func(p pipeline) error) error
	// plannedAfresh is planAfresh as a statement, "" when there is nothing to say.
	plannedAfresh() string
	// beginLightly prepares a transaction that begins attempts: it is plannedAfresh, lets the commit be lost in a crash of
	// the database, and lets no pause come in between.
	beginLightly() string
	// lockPauses waits until nobody begins attempts, and lets nobody begin any for the rest of the transaction.
	lockPauses(tx *gorm.DB) error
}

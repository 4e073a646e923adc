package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

type postgresDialect struct{}

// identify uses a connection of the pool: what it sees is what commits see.
func (postgresDialect) identify(ctx context.Context, l *Ledger) (identity, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return identity{}, err
	}
	defer conn.Release()
	var readOnly bool
	if err = conn.QueryRow(ctx, "SELECT current_setting('transaction_read_only')::bool").Scan(&readOnly); err != nil {
		return identity{}, err
	}
	if readOnly {
		return identity{}, errReadOnly
	}
	return readIdentity(ctx, conn)
}

func (postgresDialect) identityOf(ctx context.Context, conn *gorm.DB) (id identity, err error) {
	pinned, ok := conn.Statement.ConnPool.(*sql.Conn)
	if !ok {
		return id, fmt.Errorf("want a pinned connection, got %T", conn.Statement.ConnPool)
	}
	err = onPgx(ctx, pinned, func(conn *pgx.Conn) error {
		id = identityOf(conn.PgConn())
		return nil
	})
	return id, err
}

func (postgresDialect) enqueue(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, due []delivery.Due) error {
	return pinned.Raw(func(driverConn any) error {
		conn, err := pipelined(driverConn)
		if err != nil {
			return err
		}
		return outbox.EnqueuePostgres(tx.Statement.Context, waitingTx{joinedTx{conn.Conn.Conn()}, conn}, due)
	})
}

func (postgresDialect) withdraw(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, ids []dedup.ID) error {
	return onPgx(tx.Statement.Context, pinned, func(conn *pgx.Conn) error {
		return outbox.WithdrawPostgres(tx.Statement.Context, joinedTx{conn}, ids)
	})
}

func (postgresDialect) take(tx *gorm.DB, pinned *sql.Conn, outbox Outbox, lost []delivery.LostJob) (claims []delivery.Claim, err error) {
	err = onPgx(tx.Statement.Context, pinned, func(conn *pgx.Conn) error {
		claims, err = outbox.TakePostgres(tx.Statement.Context, joinedTx{conn}, lost)
		return err
	})
	return claims, err
}

// onPgx calls work with what is below a connection of database/sql, after everything that waits there has been sent.
func onPgx(ctx context.Context, pinned *sql.Conn, work func(*pgx.Conn) error) error {
	return pinned.Raw(func(driverConn any) error {
		conn, err := pipelined(driverConn)
		if err == nil {
			err = conn.sendWaiting(ctx)
		}
		if err != nil {
			return err
		}
		return work(conn.Conn.Conn())
	})
}

func pipelined(driverConn any) (*pipelinedConn, error) {
	conn, ok := driverConn.(*pipelinedConn)
	if !ok {
		return nil, fmt.Errorf("want a connection of pgx, got %T", driverConn)
	}
	return conn, nil
}

func (postgresDialect) beginLightly() string { return beginLightly }

// The lock is pauseLock, shared.
const beginLightly = `SELECT set_config('synchronous_commit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true),
    pg_advisory_xact_lock_shared(` + pauseLock + `)`

func (postgresDialect) plannedAfresh() string { return plannedAfresh }

const plannedAfresh = "SET LOCAL plan_cache_mode = force_custom_plan"

func (postgresDialect) lockPauses(tx *gorm.DB) error {
	return tx.Exec("SELECT pg_advisory_xact_lock(" + pauseLock + ")").Error
}

func (postgresDialect) reconnect(l *Ledger) { l.pool.Reset() }

func (postgresDialect) hasArrays() bool { return true }

func (postgresDialect) maxRows(int) int { return math.MaxInt32 }

func (postgresDialect) tryLock(tx *gorm.DB, key int64) (got bool, err error) {
	err = tx.Raw("SELECT pg_try_advisory_xact_lock(?)", key).Row().Scan(&got)
	return got, err
}

func (postgresDialect) makePartitions(ctx context.Context, l *Ledger) error {
	db, err := l.db.DB()
	if err != nil {
		return err
	}
	return makePartitions(ctx, db, l.now())
}

func (postgresDialect) receiptsJob(l *Ledger) func(ctx context.Context, cutoff time.Time) error {
	return func(ctx context.Context, cutoff time.Time) error {
		return errors.Join(l.dropPartitions(ctx, cutoff), l.deleteReceipts(ctx, "receipts_default", cutoff))
	}
}

// planAfresh keeps a join from being run by a plan that was made when its table was still empty.
func (postgresDialect) planAfresh(tx *gorm.DB) error {
	return tx.Exec(plannedAfresh).Error
}

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

type sqliteDialect struct{}

func (d sqliteDialect) identify(ctx context.Context, l *Ledger) (identity, error) {
	return d.identityOf(ctx, l.db.WithContext(ctx))
}

// identityOf reads the installation: a file is its own cluster and has one life.
func (sqliteDialect) identityOf(_ context.Context, conn *gorm.DB) (identity, error) {
	var ids []string
	if err := conn.Table("installation").Pluck("id", &ids).Error; err != nil {
		return identity{}, errors.Join(errNotMigrated, err)
	}
	if len(ids) != 1 {
		return identity{}, errNotMigrated
	}
	return newIdentity("sqlite", "", "", "", ids[0]), nil
}

func (sqliteDialect) reconnect(*Ledger) {}

// maxVariables is SQLITE_MAX_VARIABLE_NUMBER.
const maxVariables = 32766

func (sqliteDialect) hasArrays() bool { return false }

func (sqliteDialect) maxRows(columns int) int { return maxVariables / columns }

func (sqliteDialect) enqueue(tx *gorm.DB, _ *sql.Conn, outbox Outbox, due []delivery.Due) error {
	own, err := ownTx(tx)
	if err != nil {
		return err
	}
	return outbox.EnqueueSQLite(tx.Statement.Context, own, due)
}

func (sqliteDialect) withdraw(tx *gorm.DB, _ *sql.Conn, outbox Outbox, ids []dedup.ID) error {
	own, err := ownTx(tx)
	if err != nil {
		return err
	}
	return outbox.WithdrawSQLite(tx.Statement.Context, own, ids)
}

func (sqliteDialect) take(tx *gorm.DB, _ *sql.Conn, outbox Outbox, lost []delivery.LostJob) ([]delivery.Claim, error) {
	own, err := ownTx(tx)
	if err != nil {
		return nil, err
	}
	return outbox.TakeSQLite(tx.Statement.Context, own, lost)
}

func ownTx(tx *gorm.DB) (*sql.Tx, error) {
	own, ok := tx.Statement.ConnPool.(*sql.Tx)
	if !ok {
		return nil, fmt.Errorf("want a transaction, got %T", tx.Statement.ConnPool)
	}
	return own, nil
}

func (sqliteDialect) beginLightly() string { return "" }

func (sqliteDialect) plannedAfresh() string { return "" }

// lockPauses: the transaction itself is the lock, since it began immediate.
func (sqliteDialect) lockPauses(*gorm.DB) error { return nil }

// tryLock: the transaction itself is the lock, since it began immediate.
func (sqliteDialect) tryLock(*gorm.DB, int64) (bool, error) { return true, nil }

func (sqliteDialect) makePartitions(context.Context, *Ledger) error { return nil }

func (sqliteDialect) receiptsJob(l *Ledger) func(ctx context.Context, cutoff time.Time) error {
	return func(ctx context.Context, cutoff time.Time) error { return l.deleteReceipts(ctx, "receipts", cutoff) }
}

func (sqliteDialect) planAfresh(*gorm.DB) error { return nil }

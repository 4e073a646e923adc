package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// transaction runs work and commits. It returns the incarnation of the connection that committed, and errors of the core;
// work translates its own. A panic in work rolls back.
func (l *Ledger) transaction(ctx context.Context, work func(tx *gorm.DB) error) (dedup.Incarnation, error) {
	return l.joinable(ctx, func(tx *gorm.DB, _ *sql.Conn) error { return work(tx) })
}

// joinable is transaction for work that lets the outbox join in: that needs the connection.
func (l *Ledger) joinable(ctx context.Context, work func(tx *gorm.DB, pinned *sql.Conn) error) (inc dedup.Incarnation, err error) {
	done := false
	pinning := l.db.WithContext(ctx).Connection(func(conn *gorm.DB) error {
		done = true
		pinned, ok := conn.Statement.ConnPool.(*sql.Conn)
		if !ok {
			err = translate("connect", fmt.Errorf("want a pinned connection, got %T", conn.Statement.ConnPool))
			return nil
		}
		inc, err = l.transactionOn(ctx, conn.Session(&gorm.Session{NewDB: true}), // else its statements pile up on conn
			func(tx *gorm.DB) error { return work(tx, pinned) })
		return nil
	})
	if !done {
		return dedup.Incarnation{}, translate("connect", pinning)
	}
	return inc, err
}

func (l *Ledger) transactionOn(ctx context.Context, conn *gorm.DB, work func(tx *gorm.DB) error) (dedup.Incarnation, error) {
	id, err := l.dialect.identityOf(ctx, conn)
	if err != nil {
		return dedup.Incarnation{}, translate("ask who the database is", err)
	}
	if id.incarnation.IsZero() {
		return dedup.Incarnation{}, translate("connect", errors.New("the connection does not know its database"))
	}
	var way journey
	tx := conn.WithContext(withJourney(ctx, &way)).Begin()
	if tx.Error != nil {
		return dedup.Incarnation{}, translate("begin", tx.Error)
	}
	defer func() { tx.Rollback() }() // does nothing after a commit
	if err = work(tx); err != nil {
		return dedup.Incarnation{}, err
	}
	if err = ctx.Err(); err != nil && !way.sent {
		return dedup.Incarnation{}, translate("commit not sent", err)
	}
	err = tx.Commit().Error
	if way.sent {
		err = way.err
	}
	return id.incarnation, translateCommit(err)
}

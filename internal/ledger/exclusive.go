package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// exclusiveCheck is how often a long job makes sure that it still has its lock.
	exclusiveCheck = 2 * time.Second
	// exclusiveTimeout bounds each word with the server about the lock.
	exclusiveTimeout = 5 * time.Second
)

// errLockLost ends the context of a job whose lock went with its connection.
var errLockLost = errors.New("the connection that held the job's lock is gone")

// Exclusively calls work unless another process is at the same job; ran says whether it did. On PostgreSQL an advisory lock
// keeps others out, on a connection of its own, and the context of work ends when that connection is lost. A SQLite file has
// one gateway, and nobody is kept out.
//
// Errors: those of work, [dedup.ErrUnavailable].
func (l *Ledger) Exclusively(ctx context.Context, job string, work func(ctx context.Context) error) (ran bool, err error) {
	if l.pool == nil {
		return true, work(ctx)
	}
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return false, translate("connect for "+job, err)
	}
	defer conn.Release()
	key := lockKey(job)
	if err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&ran); err != nil || !ran {
		return false, translate("lock "+job, err)
	}
	defer unlock(conn, key)
	working, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		watchLock(working, conn, cancel)
	}()
	err = work(working)
	cancel(nil)
	<-stopped // the connection is ours alone again
	if cause := context.Cause(working); errors.Is(cause, errLockLost) {
		err = errors.Join(err, fmt.Errorf("%s: %w", job, cause))
	}
	return true, err
}

// watchLock ends a job whose connection breaks: the server has given its lock away by then.
func watchLock(ctx context.Context, conn *pgxpool.Conn, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(exclusiveCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ping, done := context.WithTimeout(context.WithoutCancel(ctx), exclusiveTimeout)
		err := conn.Ping(ping)
		done()
		if err != nil {
			cancel(errLockLost)
			return
		}
	}
}

// unlock gives the lock back, or gives up the connection, with which it goes.
func unlock(conn *pgxpool.Conn, key int64) {
	ctx, done := context.WithTimeout(context.Background(), exclusiveTimeout)
	defer done()
	var held bool
	if err := conn.QueryRow(ctx, "SELECT pg_advisory_unlock($1)", key).Scan(&held); err != nil || !held {
		_ = conn.Conn().Close(ctx)
	}
}

// lockKey is the number of a job's advisory lock.
func lockKey(job string) int64 {
	sum := sha256.Sum256([]byte("dedupgate job: " + job))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// books reads a gateway's database behind its back.
type books struct {
	t    *testing.T
	dsn  string
	conn *pgx.Conn
}

func openBooks(t *testing.T, dsn string) *books {
	t.Helper()
	return &books{t, dsn, connect(t, dsn)}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// number is the answer to a question with one.
func (b *books) number(query string, args ...any) (n int) {
	b.t.Helper()
	if err := b.conn.QueryRow(b.t.Context(), query, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// wantNumber fails the test unless the answer is this one.
func (b *books) wantNumber(want int, query string, args ...any) {
	b.t.Helper()
	if n := b.number(query, args...); n != want {
		b.t.Errorf("%d, want %d: %s %v", n, want, query, args)
	}
}

// The questions about deliveries and their jobs.
const (
	deliveriesInState = `SELECT count(*) FROM deliveries WHERE destination = $1 AND state = $2`
	jobsInState       = `SELECT count(*) FROM river_job WHERE queue = $1 AND state::text = $2`
	deliveriesInJobs  = `SELECT coalesce(sum(jsonb_array_length(args -> 'delivery_ids')), 0) FROM river_job WHERE queue = $1 AND state::text = $2`
	// The discarded jobs are those of a process that was killed: their deliveries went on in others.
	unfinished = `SELECT (SELECT count(*) FROM deliveries WHERE state <> 'delivered')
		+ (SELECT count(*) FROM river_job WHERE kind = 'delivery' AND state NOT IN ('completed', 'discarded'))`
)

// waitUntilAllIsDone waits until every delivery has been delivered and no job is left.
func (b *books) waitUntilAllIsDone(within time.Duration) {
	b.t.Helper()
	testkit.Eventually(b.t, within, func() error {
		if n := b.number(unfinished); n > 0 {
			return fmt.Errorf("%d deliveries and jobs are not done", n)
		}
		return nil
	})
}

// grip holds rows of the database: who wants to change them waits.
type grip struct {
	books *books
	tx    pgx.Tx
	pid   uint32
}

// hold takes the rows that a SELECT … FOR UPDATE selects, which must be n.
func (b *books) hold(n int, query string, args ...any) *grip {
	b.t.Helper()
	conn := connect(b.t, b.dsn)
	tx, err := conn.Begin(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	held, err := tx.Exec(b.t.Context(), query, args...)
	if err != nil || held.RowsAffected() != int64(n) {
		b.t.Fatalf("%d rows held, want %d: %s: %v", held.RowsAffected(), n, query, err)
	}
	return &grip{b, tx, conn.PgConn().PID()}
}

// waitForVictim waits until somebody wants one of the rows.
func (g *grip) waitForVictim() {
	g.books.t.Helper()
	testkit.Eventually(g.books.t, 30*time.Second, func() error {
		if g.books.number(`SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, g.pid) == 0 {
			return fmt.Errorf("nobody waits for process %d", g.pid)
		}
		return nil
	})
}

// letGo gives the rows back. What still waits for them is ended first: its client is dead, and its wish must not come true.
func (g *grip) letGo() {
	t := g.books.t
	t.Helper()
	g.books.number(`SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, g.pid)
	if err := g.tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

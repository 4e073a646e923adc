package testkit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func connect(t testing.TB, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func count(t testing.TB, conn *pgx.Conn, query string, args ...any) (n int) {
	t.Helper()
	must(t, conn.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func TestEachPostgresIsNewAndDropped(t *testing.T) {
	t.Parallel()
	var names []string
	for range 2 {
		t.Run("a test", func(t *testing.T) {
			conn := connect(t, testkit.Postgres(t))
			_, err := conn.Exec(t.Context(), "CREATE TABLE mine ()") // fails if the database is not new
			must(t, err)
			names = append(names, conn.Config().Database)
		})
	}
	conn := connect(t, testkit.Postgres(t))
	if n := count(t, conn, "SELECT count(*) FROM pg_database WHERE datname = ANY($1)", names); n != 0 {
		t.Errorf("%d of the databases %v are still there", n, names)
	}
}

func TestPostgresServerHasDatabasesAndALog(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t, "log_statement = all")
	one, two := connect(t, server.DSN()), connect(t, server.Database())
	_, err := one.Exec(t.Context(), "CREATE TABLE mine (n int UNIQUE)")
	must(t, err)
	if n := count(t, two, "SELECT count(*) FROM pg_class WHERE relname = 'mine'"); n != 0 {
		t.Error("the second database holds the first one's table")
	}
	_, err = one.Exec(t.Context(), "INSERT INTO mine VALUES (1), (1)")
	if err == nil {
		t.Fatal("no unique violation")
	}
	if log := server.Log(); !strings.Contains(log, "dedupgate@postgres 23505 ERROR:  duplicate key value") {
		t.Errorf("the log doesn't tell who met a unique violation:\n%s", log)
	}
}

func TestPostgresServerComesBackFromAKill(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	server.Kill()
	if _, err := pgx.Connect(t.Context(), server.DSN()); err == nil {
		t.Fatal("a killed server accepts connections")
	}
	server.Restart()
	server.Pause()
	server.Resume()
	must(t, connect(t, server.DSN()).Ping(t.Context()))
}

func TestUnclearCommitIsCommitted(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	conn := connect(t, dsn)
	_, err := conn.Exec(t.Context(), "CREATE TABLE told (n int)")
	must(t, err)
	proxy := testkit.Proxy(t, addrOf(t, dsn))
	through := connect(t, testkit.Via(t, dsn, proxy.Addr()))
	cut := proxy.CutAfter("commit")

	tx, err := through.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "INSERT INTO told VALUES (1)")
	must(t, err)
	if err = tx.Commit(t.Context()); err == nil {
		t.Fatal("the commit was answered")
	}
	<-cut
	testkit.Eventually(t, patience, func() error {
		if n := count(t, conn, "SELECT count(*) FROM told"); n != 1 {
			return errNotYet
		}
		return nil
	})
	must(t, connect(t, testkit.Via(t, dsn, proxy.Addr())).Ping(t.Context())) // only once
}

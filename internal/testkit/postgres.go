package testkit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// shared is the one PostgreSQL of this test binary. It has to outlive every single test, which is what makes it a global.
var shared sharedPostgres

type sharedPostgres struct {
	mainRuns atomic.Bool

	mu     sync.Mutex
	server *throwaway.Postgres
	err    error
}

// dsn starts the server on first use; a failed start is not tried again.
func (s *sharedPostgres) dsn() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), startPatience)
		defer cancel()
		s.server, s.err = throwaway.StartPostgres(ctx)
	}
	if s.err != nil {
		return "", s.err
	}
	return s.server.DSN("postgres"), nil
}

func (s *sharedPostgres) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// Postgres returns the URL of a new, empty database, dropped after the test. It lies on the server of
// DEDUPGATE_TEST_POSTGRES_URL (a postgres:// URL whose user may create databases) or else on a private server that the
// tests of this binary share.
func Postgres(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(postgresURL)
	if dsn == "" {
		if !shared.mainRuns.Load() {
			t.Fatal("testkit.Postgres: the package needs func TestMain(m *testing.M) { testkit.Main(m) }")
		}
		var err error
		if dsn, err = shared.dsn(); err != nil {
			t.Fatalf("start PostgreSQL for the tests: %v (or set %s)", err, postgresURL)
		}
	}
	name := createDatabase(t, dsn)
	t.Cleanup(func() { execute(t, dsn, "DROP DATABASE "+name+" WITH (FORCE)") })
	return withDatabase(t, dsn, name)
}

// PostgresServer is a PostgreSQL that one test has to itself and may break.
type PostgresServer struct {
	t      testing.TB
	server *throwaway.Postgres
}

// StartPostgres starts a server for this test. The lines of config, such as "fsync = off", go to its postgresql.conf.
// When the test fails, the end of the server's log is in its output.
func StartPostgres(t testing.TB, config ...string) *PostgresServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	server, err := throwaway.StartPostgres(ctx, config...)
	if err != nil {
		t.Fatalf("start PostgreSQL for this test: %v", err)
	}
	t.Cleanup(func() { closeServer(t, "PostgreSQL", server.Server, server.Close) })
	return &PostgresServer{t: t, server: server}
}

// Addr is the server's host:port, the same over restarts.
func (p *PostgresServer) Addr() string { return p.server.Addr() }

// DSN is the URL of the server's database "postgres", empty at first. Its user is a superuser.
func (p *PostgresServer) DSN() string { return p.server.DSN("postgres") }

// Database creates one more, empty database and returns its URL.
func (p *PostgresServer) Database() string {
	p.t.Helper()
	return p.server.DSN(createDatabase(p.t, p.DSN()))
}

// Log is what the server has written so far; each line has the user, the database and the SQLSTATE.
func (p *PostgresServer) Log() string { p.t.Helper(); return serverLog(p.t, p.server.Server) }

// Kill ends all processes of the server with SIGKILL.
func (p *PostgresServer) Kill() { p.t.Helper(); check(p.t, p.server.Kill()) }

// Pause freezes all processes of the server: connections stay, nobody answers.
func (p *PostgresServer) Pause() { p.t.Helper(); check(p.t, p.server.Pause()) }

// Resume ends a pause.
func (p *PostgresServer) Resume() { p.t.Helper(); check(p.t, p.server.Resume()) }

// Restart starts the server again on its port and files, after a Kill or in good order, and waits until it is ready.
func (p *PostgresServer) Restart() { p.t.Helper(); restart(p.t, p.server.Server) }

// Via returns dsn with its server replaced by addr, a proxy's for example.
func Via(t testing.TB, dsn, addr string) string {
	t.Helper()
	u := parseURL(t, dsn)
	u.Host = addr
	return u.String()
}

func createDatabase(t testing.TB, dsn string) (name string) {
	t.Helper()
	name = "dedupgate_test_" + strings.ToLower(rand.Text())
	execute(t, dsn, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	return name
}

// execute runs one statement. The test's own context may be over by now: cleaning up has to work all the same.
func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), startPatience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the tests' PostgreSQL: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err = conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func withDatabase(t testing.TB, dsn, name string) string {
	t.Helper()
	u := parseURL(t, dsn)
	u.Path = "/" + name
	return u.String()
}

func parseURL(t testing.TB, dsn string) *url.URL {
	t.Helper()
	u, err := url.Parse(dsn)
	if err == nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		err = fmt.Errorf("its scheme is %q", u.Scheme)
	}
	if err != nil {
		t.Fatalf("want a postgres:// URL: %v", err)
	}
	return u
}

package throwaway_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

const patience = 30 * time.Second

func startPostgres(t *testing.T, config ...string) *throwaway.Postgres {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := throwaway.StartPostgres(ctx, config...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, server.Close()) })
	return server
}

func connect(t *testing.T, server *throwaway.Postgres) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func ask(t *testing.T, conn *pgx.Conn, question string) string {
	t.Helper()
	var answer string
	if err := conn.QueryRow(t.Context(), question).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return answer
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPostgresIsDurableUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	conn := connect(t, startPostgres(t, "work_mem = 5MB"))
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "work_mem": "5MB", "server_encoding": "UTF8", "TimeZone": "UTC", "unix_socket_directories": "",
	} {
		if got := ask(t, conn, "SHOW "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
}

func TestPostgresKeepsCommittedRowsOverAKill(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	addr := server.Addr()
	conn := connect(t, server)
	_, err := conn.Exec(t.Context(), "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')")
	must(t, err)

	must(t, server.Kill())
	if err = conn.Ping(t.Context()); err == nil {
		t.Fatal("a killed server answers")
	}
	if _, err = pgx.Connect(t.Context(), server.DSN("postgres")); err == nil {
		t.Fatal("a killed server accepts connections")
	}
	must(t, server.Kill()) // again is fine

	must(t, server.Restart(t.Context()))
	if server.Addr() != addr {
		t.Errorf("moved from %s to %s", addr, server.Addr())
	}
	if got := ask(t, connect(t, server), "SELECT word FROM kept"); got != "here" {
		t.Errorf("got %q", got)
	}
	log, err := server.Log()
	must(t, err)
	if !strings.Contains(log, "automatic recovery in progress") {
		t.Errorf("the kill was no crash; log:\n%s", log)
	}
}

func TestPausedPostgresHoldsConnectionsAndSaysNothing(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	conn := connect(t, server)
	must(t, server.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := conn.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ping of a paused server: %v", err)
	}
	must(t, server.Resume())
	if got := ask(t, connect(t, server), "SELECT 'awake'"); got != "awake" {
		t.Errorf("got %q", got)
	}
}

func TestPostgresRestartInGoodOrderCutsClients(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	conn := connect(t, server)
	must(t, server.Restart(t.Context()))
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection outlived the restart")
	}
	log, err := server.Log()
	must(t, err)
	if strings.Contains(log, "automatic recovery in progress") {
		t.Errorf("the server had to recover; log:\n%s", log)
	}
}

func TestCloseStopsEverythingAndRemovesTheFolder(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	conn := connect(t, server)
	folder := ask(t, conn, "SELECT setting FROM pg_settings WHERE name = 'data_directory'")
	must(t, server.Pause()) // even a paused server stops
	must(t, server.Close())
	must(t, server.Close())
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a closed server answers")
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", folder, err)
	}
	for name, call := range map[string]func() error{
		"pause": server.Pause, "resume": server.Resume, "restart": func() error { return server.Restart(t.Context()) },
	} {
		if err := call(); err == nil {
			t.Errorf("%s of a closed server: no error", name)
		}
	}
}

func TestPostgresThatCannotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	_, err := throwaway.StartPostgres(t.Context(), "no_such_setting = on")
	if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
		t.Errorf("got %v", err)
	}
}

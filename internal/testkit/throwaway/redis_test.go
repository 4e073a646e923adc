package throwaway_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

func startRedis(t *testing.T, config ...string) *throwaway.Redis {
	t.Helper()
	server, err := throwaway.StartRedis(t.Context(), config...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, server.Close()) })
	return server
}

// say sends one inline command and returns the first line of the reply.
func say(addr, command string, within time.Duration) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, within)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err = conn.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	if _, err = fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), err
}

func reply(t *testing.T, server *throwaway.Redis, command string) string {
	t.Helper()
	line, err := say(server.Addr(), command, patience)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return line
}

func TestRedisForgetsOverAKill(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	addr := server.Addr()
	if got := reply(t, server, "SET k v"); got != "+OK" {
		t.Fatalf("SET: %s", got)
	}
	must(t, server.Kill())
	if _, err := say(addr, "PING", patience); err == nil {
		t.Fatal("a killed server answers")
	}
	must(t, server.Restart(t.Context()))
	if server.Addr() != addr {
		t.Errorf("moved from %s to %s", addr, server.Addr())
	}
	if got := reply(t, server, "EXISTS k"); got != ":0" {
		t.Errorf("EXISTS: %s", got)
	}
}

func TestRedisKeepsItsFileWhenConfigured(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "appendonly yes", "appendfsync always")
	reply(t, server, "SET k v")
	must(t, server.Kill())
	must(t, server.Restart(t.Context()))
	if got := reply(t, server, "EXISTS k"); got != ":1" {
		t.Errorf("EXISTS: %s", got)
	}
}

func TestFullRedisRefusesWrites(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "maxmemory 1", "maxmemory-policy noeviction")
	if got := reply(t, server, "SET k v"); !strings.HasPrefix(got, "-OOM") {
		t.Errorf("SET: %s", got)
	}
}

func TestPausedRedisSaysNothing(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	must(t, server.Pause())
	if line, err := say(server.Addr(), "PING", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("PING of a paused server: %q, %v", line, err)
	}
	must(t, server.Resume())
	if got := reply(t, server, "PING"); got != "+PONG" {
		t.Errorf("PING: %s", got)
	}
}

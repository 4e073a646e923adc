package testkit

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// Redis returns the host:port of an empty Redis that the test has to itself: the one of DEDUPGATE_TEST_REDIS_URL if that is
// set and no other test has it at the moment, else a private one. (To wait for it instead could wait for ever: a parallel
// test that waits keeps a place which the subtests of the one that has it need.) A test that breaks its Redis starts one
// with [StartRedis].
func Redis(t testing.TB) string {
	t.Helper()
	given := os.Getenv(redisURL)
	if given == "" {
		return StartRedis(t).Addr()
	}
	opts, err := redis.ParseURL(given)
	if err != nil {
		t.Fatalf("%s: %v", redisURL, err)
	}
	if opts.Username != "" || opts.Password != "" || opts.DB != 0 || opts.TLSConfig != nil {
		t.Fatalf("%s: the tests need a plain redis://host:port without user, password or database number", redisURL)
	}
	if !takeTurn(t, opts.Addr) {
		return StartRedis(t).Addr()
	}
	client := redis.NewClient(opts)
	if err = mustBeEmpty(t.Context(), client); err != nil {
		t.Fatalf("%s: %v", redisURL, err)
	}
	t.Cleanup(func() {
		check(t, client.FlushAll(context.WithoutCancel(t.Context())).Err())
		check(t, client.Close())
	})
	return opts.Addr
}

// mustBeEmpty protects a Redis that somebody uses from being flushed.
func mustBeEmpty(ctx context.Context, client *redis.Client) error {
	keyspace, err := client.Info(ctx, "keyspace").Result()
	if err != nil {
		return err
	}
	if strings.Contains(keyspace, "keys=") {
		return errors.New("it holds keys and tests would flush them; if it is meant for tests, run FLUSHALL on it once")
	}
	return nil
}

// takeTurn takes a lock that one test of all test binaries on this machine can have, and that ends with its holder.
func takeTurn(t testing.TB, addr string) bool {
	t.Helper()
	name := "dedupgate-test-redis-" + strconv.Itoa(os.Getuid()) + "-" + url.PathEscape(addr) + ".lock"
	file, err := os.OpenFile(filepath.Join(os.TempDir(), name), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the name is escaped
	if err != nil {
		t.Fatalf("%s: take turns: %v", redisURL, err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// RedisServer is a Redis that one test has to itself and may break.
type RedisServer struct {
	t      testing.TB
	server *throwaway.Redis
}

// StartRedis starts a server for this test. The lines of config, such as "maxmemory 2mb", go to its redis.conf; without
// "appendonly yes" it forgets everything when it ends. When the test fails, the end of the server's log is in its output.
func StartRedis(t testing.TB, config ...string) *RedisServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	server, err := throwaway.StartRedis(ctx, config...)
	if err != nil {
		t.Fatalf("start Redis for this test: %v", err)
	}
	t.Cleanup(func() { closeServer(t, "Redis", server.Server, server.Close) })
	return &RedisServer{t: t, server: server}
}

// Addr is the server's host:port, the same over restarts.
func (r *RedisServer) Addr() string { return r.server.Addr() }

// Log is what the server has written so far.
func (r *RedisServer) Log() string { r.t.Helper(); return serverLog(r.t, r.server.Server) }

// Kill ends the server with SIGKILL.
func (r *RedisServer) Kill() { r.t.Helper(); check(r.t, r.server.Kill()) }

// Pause freezes the server: connections stay, nobody answers.
func (r *RedisServer) Pause() { r.t.Helper(); check(r.t, r.server.Pause()) }

// Resume ends a pause.
func (r *RedisServer) Resume() { r.t.Helper(); check(r.t, r.server.Resume()) }

// Restart starts the server again on its port and files, after a Kill or in good order, and waits until it is ready.
func (r *RedisServer) Restart() { r.t.Helper(); restart(r.t, r.server.Server) }

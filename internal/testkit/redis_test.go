package testkit_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addrOf(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	return u.Host
}

func TestRedisIsEmptyAndOnesOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("a test", func(t *testing.T) {
			c := client(t, testkit.Redis(t))
			first, err := c.SetNX(t.Context(), "k", "v", 0).Result()
			if err != nil || !first {
				t.Errorf("somebody was here before: %v, %v", first, err)
			}
		})
	}
}

func TestGivenRedisIsUsedByTurnsAndLeftEmpty(t *testing.T) {
	server := testkit.StartRedis(t)
	t.Setenv("DEDUPGATE_TEST_REDIS_URL", "redis://"+server.Addr())
	t.Setenv("TMPDIR", t.TempDir()) // for the lock
	for range 2 {
		t.Run("a test", func(t *testing.T) {
			addr := testkit.Redis(t)
			if addr != server.Addr() {
				t.Errorf("got %s, want %s", addr, server.Addr())
			}
			must(t, client(t, addr).Set(t.Context(), "k", "v", 0).Err())
			if another := testkit.Redis(t); another == addr {
				t.Error("two at the same time have the same Redis")
			}
		})
	}
	if n := client(t, server.Addr()).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys left", n)
	}
}

func TestGivenRedisInUseIsNotFlushed(t *testing.T) {
	server := testkit.StartRedis(t)
	must(t, client(t, server.Addr()).Set(t.Context(), "somebody's", "v", 0).Err())
	t.Setenv("DEDUPGATE_TEST_REDIS_URL", "redis://"+server.Addr())
	t.Setenv("TMPDIR", t.TempDir()) // for the lock
	t.Run("a test", func(t *testing.T) {
		if said := fatal(t, func(tb testing.TB) { testkit.Redis(tb) }); !strings.Contains(said, "holds keys") {
			t.Errorf("said %q", said)
		}
	})
	if n := client(t, server.Addr()).DBSize(t.Context()).Val(); n != 1 {
		t.Errorf("%d keys left, want 1", n)
	}
}

func TestGivenRedisMustBePlain(t *testing.T) {
	t.Setenv("DEDUPGATE_TEST_REDIS_URL", "redis://user:secret@127.0.0.1:1/3")
	said := fatal(t, func(tb testing.TB) { testkit.Redis(tb) })
	if !strings.Contains(said, "DEDUPGATE_TEST_REDIS_URL") || strings.Contains(said, "secret") {
		t.Errorf("said %q", said)
	}
}

func TestRedisServerForgetsOverAKill(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t, "maxmemory 50mb")
	c := client(t, server.Addr())
	must(t, c.Set(t.Context(), "k", "v", 0).Err())
	server.Kill()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a killed server answers")
	}
	server.Restart()
	server.Pause()
	server.Resume()
	testkit.Eventually(t, patience, c.Ping(t.Context()).Err)
	if n := c.Exists(t.Context(), "k").Val(); n != 0 {
		t.Error("it remembers")
	}
	if log := server.Log(); strings.Count(log, "Ready to accept connections") != 2 {
		t.Errorf("the log doesn't show two starts:\n%s", log)
	}
}

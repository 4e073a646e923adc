package chaos

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// scene is a gateway whose Redis is reached through a proxy that can fail.
type scene struct {
	*gateway
	redis *testkit.RedisServer
	proxy *testkit.FlakyProxy
}

func newScene(t *testing.T, redisConfig ...string) *scene {
	t.Helper()
	rd := testkit.StartRedis(t, redisConfig...)
	proxy := testkit.Proxy(t, rd.Addr())
	return &scene{gateway: startGateway(t, "a", testkit.Postgres(t), proxy.Addr()), redis: rd, proxy: proxy}
}

func (s *scene) command(args ...any) {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	defer func() { _ = c.Close() }()
	if err := c.Do(context.Background(), args...).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// story sends what must have the same outcomes whatever Redis does: a first end, its retry, its twin, and the second end of
// the resurrected run, with its retry.
func (s *scene) story() {
	s.t.Helper()
	runID := newRunID()
	first := succeeded(s.t, runID)
	again := runBody(s.t, runID, "ACTOR.RUN.SUCCEEDED", time.UnixMilli(1_789_373_961_640), 1)
	steps := []struct {
		dispatch int
		body     []byte
		outcome  string
	}{
		{1, first, "new"},
		{1, first, "duplicate"},
		{2, first, "duplicate"},
		{3, again, "updated"},
		{3, again, "duplicate"},
		{1, first, "duplicate"},
	}
	for _, step := range steps {
		s.mustSend(dispatch(runID, step.dispatch), step.body, step.outcome)
	}
}

// mustBeKnown sends the known end of a run once more.
func (s *scene) mustBeKnown(runID string) {
	s.t.Helper()
	s.mustSend(dispatch(runID, 1), succeeded(s.t, runID), "duplicate")
}

func TestRedisMayFailInAnyWay(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		redisConfig []string
		fail        func(*scene)
		heal        func(*scene)
	}{
		{"well", nil, func(*scene) {}, func(*scene) {}},
		{"killed", nil, func(s *scene) { s.redis.Kill() }, func(s *scene) { s.redis.Restart() }},
		{"flushed", nil, func(s *scene) { s.command("FLUSHALL") }, func(*scene) {}},
		{
			"full", nil,
			func(s *scene) {
				s.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
				s.command("CONFIG", "SET", "maxmemory", "1")
			},
			func(s *scene) { s.command("CONFIG", "SET", "maxmemory", "0") },
		},
		{"hanging", nil, func(s *scene) { s.redis.Pause() }, func(s *scene) { s.redis.Resume() }},
		{"answering late", nil, func(s *scene) { s.proxy.Latency(80 * time.Millisecond) }, func(s *scene) { s.proxy.Heal() }},
		{"swallowing answers", nil, func(s *scene) { s.proxy.Hang() }, func(s *scene) { s.proxy.Heal() }},
		{
			"read-only", nil,
			func(s *scene) { s.command("CONFIG", "SET", "min-replicas-to-write", "3") },
			func(s *scene) { s.command("CONFIG", "SET", "min-replicas-to-write", "0") },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, c.redisConfig...)
			known := newRunID()
			s.mustSend(dispatch(known, 1), succeeded(t, known), "new")
			s.story()
			c.fail(s)
			s.mustBeKnown(known)
			s.story()
			s.story()
			if err := s.ready(); err != nil {
				t.Errorf("a gateway without Redis must stay ready: %v", err)
			}
			c.heal(s)
			s.mustBeKnown(known)
			s.story()
			s.mustRecover(known)
		})
	}
}

// mustRecover waits until Redis answers repeats again.
func (s *scene) mustRecover(runID string) {
	s.t.Helper()
	testkit.Eventually(s.t, 10*time.Second, func() error {
		a, err := s.send(dispatch(runID, 1), succeeded(s.t, runID))
		if err != nil {
			return err
		}
		if a.Code != http.StatusOK || a.Outcome != "duplicate" {
			s.t.Fatalf("answered %d %s while Redis came back", a.Code, a.Outcome)
		}
		if a.Reason != "window_hit" {
			return constError("repeats are still told by the database: " + a.Reason)
		}
		return nil
	})
}

func TestAGatewayStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	rd := testkit.StartRedis(t)
	rd.Kill()
	g := startGateway(t, "a", testkit.Postgres(t), rd.Addr())
	s := &scene{gateway: g, redis: rd}
	s.story()
	rd.Restart()
	known := newRunID()
	g.mustSend(dispatch(known, 1), succeeded(t, known), "new")
	s.mustRecover(known)
}

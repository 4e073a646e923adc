package app_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestWindowsReloadOnARunningServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, database := testkit.Redis(t), testkit.Postgres(t)
	yaml := func(window, typeWindow string) string {
		return fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
database: {url: %q}
redis: {mode: single, addresses: [%q]}
dedup: {window: %s}
sources:
  - name: apify
    kind: apify
    tokens: [{value: %q}]
    event_types: {ACTOR.RUN.CREATED: {window: %s}}
`, filepath.Join(dir, "data"), adminToken, database, addr, window, testToken, typeWindow)
	}
	r := startIn(t, dir, yaml("72h", "48h"))
	store := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = store.Close() })

	// ttl sends a first delivery and reads how long Redis will remember it.
	n := 0
	ttl := func(eventType string) time.Duration {
		t.Helper()
		n++
		runID := fmt.Sprintf("%017d", n)
		body := fmt.Sprintf(`{"eventType":%q,"eventData":{"actorRunId":%q},"resource":{"finishedAt":"2026-09-14T08:04:21.640Z"}}`, eventType, runID)
		if a := r.send(nil, []byte(body)); a.Outcome != "new" {
			t.Fatalf("answered %d %s", a.Code, a.Outcome)
		}
		keys, err := store.Keys(t.Context(), "dg:apify:r:"+runID+":*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatalf("keys %v, %v", keys, err)
		}
		left, err := store.PTTL(t.Context(), keys[0]).Result()
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	near := func(got, want time.Duration) error {
		if got > want || got < want-time.Minute {
			return fmt.Errorf("window %s, want %s", got, want)
		}
		return nil
	}
	if err := near(ttl("ACTOR.RUN.SUCCEEDED"), 72*time.Hour); err != nil {
		t.Error(err)
	}
	if err := near(ttl("ACTOR.RUN.CREATED"), 48*time.Hour); err != nil {
		t.Error(err)
	}

	r.configure(yaml("96h", "60h"))
	testkit.Eventually(t, 10*time.Second, func() error { return near(ttl("ACTOR.RUN.SUCCEEDED"), 96*time.Hour) })
	if err := near(ttl("ACTOR.RUN.CREATED"), 60*time.Hour); err != nil {
		t.Error(err)
	}

	r.configure("dedup: {windoww: 1h}\n")
	testkit.Eventually(t, 10*time.Second, func() error {
		if len(r.logs.With("configuration refused, the old one stays in force; correct the file")) == 0 {
			return fmt.Errorf("no word of the bad file in the log")
		}
		return nil
	})
	if err := near(ttl("ACTOR.RUN.SUCCEEDED"), 96*time.Hour); err != nil {
		t.Errorf("a bad file changed the configuration in force: %v", err)
	}
}

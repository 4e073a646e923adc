package redisfront_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestEmbeddedClaimer(t *testing.T) {
	t.Parallel()
	deduptest.RunClaimer(t, func(t *testing.T) deduptest.ClaimerFixture {
		t.Helper()
		f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
		return deduptest.ClaimerFixture{Claimer: f, Advance: f.FastForward}
	})
}

func TestRedisClaimer(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	deduptest.RunClaimer(t, func(t *testing.T) deduptest.ClaimerFixture {
		t.Helper()
		return deduptest.ClaimerFixture{Claimer: openSingle(t, addr), Advance: wait}
	})
}

func TestClusterClaimer(t *testing.T) {
	t.Parallel()
	addrs, _ := startCluster(t)
	deduptest.RunClaimer(t, func(t *testing.T) deduptest.ClaimerFixture {
		t.Helper()
		f := open(t, redisfront.Options{Mode: redisfront.ModeCluster, Addrs: addrs})
		return deduptest.ClaimerFixture{Claimer: f, Advance: wait}
	})
}

// wait lets real time pass, since Redis knows no other.
func wait(d time.Duration) { <-time.After(d) }

func TestRedisHitLog(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	deduptest.RunHitLog(t, func(t *testing.T) deduptest.HitLogFixture {
		t.Helper()
		return hitLogFixture(t, redisfront.Options{Addrs: []string{addr}})
	})
}

func TestMiniredisHitLog(t *testing.T) {
	t.Parallel()
	deduptest.RunHitLog(t, func(t *testing.T) deduptest.HitLogFixture {
		t.Helper()
		return hitLogFixture(t, redisfront.Options{Addrs: []string{miniredis.RunT(t).Addr()}})
	})
}

func TestClusterHitLog(t *testing.T) {
	t.Parallel()
	addrs, _ := startCluster(t)
	deduptest.RunHitLog(t, func(t *testing.T) deduptest.HitLogFixture {
		t.Helper()
		return hitLogFixture(t, redisfront.Options{Mode: redisfront.ModeCluster, Addrs: addrs})
	})
}

func hitLogFixture(t *testing.T, opts redisfront.Options) deduptest.HitLogFixture {
	t.Helper()
	const limit = 100
	opts.HitsCap, opts.ReclaimAfter, opts.LedgerID = limit, time.Hour, ledger(t)
	return deduptest.HitLogFixture{
		Log: open(t, opts), Limit: limit,
		NewReader: func() dedup.HitSource { return open(t, opts) },
		Die: func(r dedup.HitSource) {
			if dead, ok := r.(*redisfront.Front); ok {
				dead.AgeHeld(t, "a", 2*opts.ReclaimAfter)
			}
		},
	}
}

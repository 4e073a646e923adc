package redisfront_test

import (
	"context"
	"fmt"
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

// withHits claims as a busy gate does, with hits along.
type withHits struct{ *redisfront.Front }

func (w withHits) Claim(ctx context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	replies, err := w.Exchange(ctx, reqs, []dedup.Hit{newHit("a")})
	if err != nil && ctx.Err() == nil {
		panic(err)
	}
	return replies
}

func TestRedisClaimerWithHits(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	deduptest.RunClaimer(t, func(t *testing.T) deduptest.ClaimerFixture {
		t.Helper()
		return deduptest.ClaimerFixture{Claimer: withHits{open(t, redisfront.Options{Addrs: []string{addr}, LedgerID: ledger(t)})}, Advance: wait}
	})
}

// withClaims appends as a busy gate does, with claims along.
type withClaims struct{ *redisfront.Front }

func (w withClaims) Append(ctx context.Context, hits []dedup.Hit) error {
	req := dedup.ClaimRequest{Key: newKey(), Token: dedup.NewID(time.Now()), Lease: time.Minute}
	replies, err := w.Exchange(ctx, []dedup.ClaimRequest{req}, hits)
	if ctx.Err() == nil && (len(replies) != 1 || replies[0].State != dedup.ClaimFirst) {
		return fmt.Errorf("the claim beside the hits was answered %v", replies)
	}
	return err
}

func TestRedisHitLogWithClaims(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	deduptest.RunHitLog(t, func(t *testing.T) deduptest.HitLogFixture {
		t.Helper()
		f := hitLogFixture(t, redisfront.Options{Addrs: []string{addr}})
		front, ok := f.Log.(*redisfront.Front)
		if !ok {
			t.Fatalf("the log is a %T", f.Log)
		}
		f.Log = withClaims{front}
		return f
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

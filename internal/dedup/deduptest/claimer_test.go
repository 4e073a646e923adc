package deduptest_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
)

func TestClaimer(t *testing.T) {
	t.Parallel()
	deduptest.RunClaimer(t, func(t *testing.T) deduptest.ClaimerFixture {
		t.Helper()
		var passed atomic.Int64
		now := func() time.Time { return time.Unix(0, passed.Load()) }
		return deduptest.ClaimerFixture{
			Claimer: deduptest.NewClaimer(now),
			Advance: func(d time.Duration) { passed.Add(int64(d)) },
		}
	})
}

func TestClaimerForgets(t *testing.T) {
	t.Parallel()
	c := deduptest.NewClaimer(time.Now)
	r := dedup.ClaimRequest{Key: dedup.Key{Source: "a", Event: "b"}, Token: dedup.NewID(time.Now()), Lease: time.Hour}
	c.Claim(t.Context(), []dedup.ClaimRequest{r})
	c.Flush()
	r.Token = dedup.NewID(time.Now())
	if got := c.Claim(t.Context(), []dedup.ClaimRequest{r})[0].State; got != dedup.ClaimFirst {
		t.Fatalf("after a flush the claim is in state %d", got)
	}
}

func TestHitLog(t *testing.T) {
	t.Parallel()
	deduptest.RunHitLog(t, func(t *testing.T) deduptest.HitLogFixture {
		t.Helper()
		const limit = 100
		log := deduptest.NewHitLog(limit)
		return deduptest.HitLogFixture{
			Log: log, Limit: limit,
			NewReader: func() dedup.HitSource { return log.NewReader() },
			Die: func(r dedup.HitSource) {
				if reader, ok := r.(*deduptest.HitReader); ok {
					reader.Die()
				}
			},
		}
	})
}

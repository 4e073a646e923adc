package dedup_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestLagBucketsMeetWithoutGaps(t *testing.T) {
	t.Parallel()
	for b := 1; b < dedup.LagBuckets; b++ {
		bound := dedup.LagBound(b)
		if above := bound + rounding(bound); dedup.LagBucket(above) != b {
			t.Errorf("%v is in bucket %d, not in %d", above, dedup.LagBucket(above), b)
		}
		if below := bound - rounding(bound); dedup.LagBucket(below) != b-1 {
			t.Errorf("%v is in bucket %d, not in %d", below, dedup.LagBucket(below), b-1)
		}
	}
}

// rounding is how near to a bound a lag may be on its wrong side: nobody misses a trillionth.
func rounding(bound time.Duration) time.Duration { return 1 + bound/1e12 }

func TestLagBucketsAtTheirEnds(t *testing.T) {
	t.Parallel()
	const last = dedup.LagBuckets - 1
	for lag, want := range map[time.Duration]int{
		math.MinInt64: 0, -time.Hour: 0, 0: 0, time.Millisecond - 1: 0, time.Millisecond: 0, 2 * time.Millisecond: 4, 1024 * time.Millisecond: 40,
		400 * 24 * time.Hour: 140, 10 * 365 * 24 * time.Hour: last, math.MaxInt64: last,
	} {
		if got := dedup.LagBucket(lag); got != want {
			t.Errorf("%v is in bucket %d, want %d", lag, got, want)
		}
	}
	if got := dedup.LagBound(0); got != time.Millisecond {
		t.Errorf("the first bucket starts at %v", got)
	}
	if got := dedup.LagBound(last); got < 400*24*time.Hour {
		t.Errorf("the last bucket starts at %v, before the longest a key is kept", got)
	}
}

func TestLagBucketsHoldTheirLags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lag := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(500*24*time.Hour)).Draw(t, "lag"))
		b := dedup.LagBucket(lag)
		from, to := dedup.LagBound(b), dedup.LagBound(b+1)
		if lag < from-rounding(from) || lag > to+rounding(to) {
			t.Fatalf("%v is in bucket %d, which holds %v to %v", lag, b, from, to)
		}
		if more := lag + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more")); dedup.LagBucket(more) < b {
			t.Fatalf("%v is in a lower bucket than %v", more, lag)
		}
	})
}

package dedup

import (
	"math"
	"time"
)

// LagBuckets is the number of buckets of the repeat-lag histogram: four an octave from 1 ms to past 400 days.
const LagBuckets = 144

// LagBucket gives the bucket of a lag (repeat − first): bucket b holds lags in [2^(b/4), 2^((b+1)/4)) ms; lags below 1 ms
// (two replicas' clocks may differ) are in bucket 0, those past the end in the last.
func LagBucket(lag time.Duration) int {
	ms := float64(lag) / float64(time.Millisecond)
	if ms < 1 {
		return 0
	}
	return min(int(4*math.Log2(ms)), LagBuckets-1)
}

// LagBound is the lower bound of bucket b; LagBound(b+1) is its upper one.
func LagBound(b int) time.Duration {
	return time.Duration(math.Exp2(float64(b)/4) * float64(time.Millisecond))
}

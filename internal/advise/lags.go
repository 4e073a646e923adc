package advise

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Lags is a histogram of repeats by lag.
type Lags struct {
	Counts [dedup.LagBuckets]int64
	// InFlight counts, of the repeats in each bucket, those that came while the first was still being decided.
	InFlight [dedup.LagBuckets]int64
	// Watched is the time over which repeats were counted: later ones than that can't be in the histogram yet.
	Watched time.Duration
}

// Put adds repeats to a bucket, with how many of them came in flight, and the time over which they were watched for.
func (l *Lags) Put(bucket int, repeats, inFlight int64, watched time.Duration) {
	l.Counts[bucket] += repeats
	l.InFlight[bucket] += inFlight
	l.Watched = max(l.Watched, watched)
}

// Repeats is how many there are.
func (l *Lags) Repeats() int64 { return total(&l.Counts) }

// RepeatsInFlight is how many of them came while the first was still being decided.
func (l *Lags) RepeatsInFlight() int64 { return total(&l.InFlight) }

func total(counts *[dedup.LagBuckets]int64) (n int64) {
	for _, count := range counts {
		n += count
	}
	return n
}

// Caught is how many of the repeats a window would have caught, at least.
func (l *Lags) Caught(window time.Duration) (n int64) {
	for b, count := range l.Counts {
		if dedup.LagBound(b+1) > window || b == len(l.Counts)-1 { // the last bucket has no end
			break
		}
		n += count - l.InFlight[b]
	}
	return n
}

// Share is [Lags.Caught] as a share of all repeats; 0 without repeats.
func (l *Lags) Share(window time.Duration) float64 {
	repeats := l.Repeats()
	if repeats == 0 {
		return 0
	}
	return float64(l.Caught(window)) / float64(repeats)
}

// Bar is a bucket with its bounds.
type Bar struct {
	From, To time.Duration
	Count    int64
}

// Bars are the buckets from the first that is not empty to the last. The very first also holds what is below its bound, the
// very last what is above.
func (l *Lags) Bars() []Bar {
	first, last := l.ends()
	bars := make([]Bar, 0, last-first+1)
	for b := first; b <= last; b++ {
		bars = append(bars, Bar{dedup.LagBound(b), dedup.LagBound(b + 1), l.Counts[b]})
	}
	return bars
}

// ends are the first and last bucket that are not empty; last is below first when all are.
func (l *Lags) ends() (first, last int) {
	first, last = len(l.Counts), len(l.Counts)-1
	for b, count := range l.Counts {
		if count > 0 {
			first = min(first, b)
		}
	}
	for last >= first && l.Counts[last] == 0 {
		last--
	}
	return first, last
}

// Point is a step of the curve: this window and longer ones catch at least this share.
type Point struct {
	Window time.Duration
	Caught float64
}

// Curve gives the share for every bound of a bucket, from the shortest window to the longest that is worth asking about:
// 400 days. Between two points the share of the shorter window holds.
func (l *Lags) Curve() []Point {
	repeats, caught := l.Repeats(), int64(0)
	points := make([]Point, 0, len(l.Counts))
	for b := range len(l.Counts) - 1 {
		caught += l.Counts[b] - l.InFlight[b]
		p := Point{Window: dedup.LagBound(b + 1)}
		if repeats > 0 {
			p.Caught = float64(caught) / float64(repeats)
		}
		points = append(points, p)
	}
	return points
}

// Add adds another histogram's repeats.
func (l *Lags) Add(other *Lags) {
	for b, n := range other.Counts {
		l.Put(b, n, other.InFlight[b], other.Watched)
	}
}

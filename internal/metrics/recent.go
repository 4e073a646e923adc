package metrics

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// recentWindow is how far back [Metrics.Recent] looks, in slots that are forgotten one by one.
	recentWindow = 5 * time.Minute
	recentSlots  = 10
	slotLength   = recentWindow / recentSlots
	// Buckets of times: eight an octave, from 16 µs on, to past a minute. A bucket's upper bound is 9 % above its lower one.
	recentBuckets   = 8 * 22
	bucketsAnOctave = 8
	shortestRecent  = 16 * time.Microsecond
)

// recent counts how long verdicts took, lately. It is safe for concurrent use; a verdict that is counted while its slot is
// being cleared may be lost.
type recent struct {
	slots [recentSlots + 1]recentSlot // one more: the oldest is being forgotten while the newest fills
}

type recentSlot struct {
	number atomic.Int64 // of the slot since the epoch
	counts [recentBuckets]atomic.Int64
}

func (r *recent) observe(now time.Time, took time.Duration) {
	number := now.UnixNano() / int64(slotLength)
	slot := &r.slots[number%int64(len(r.slots))]
	if old := slot.number.Load(); old != number && slot.number.CompareAndSwap(old, number) {
		for i := range slot.counts {
			slot.counts[i].Store(0)
		}
	}
	slot.counts[recentBucket(took)].Add(1)
}

func recentBucket(took time.Duration) int {
	if took <= shortestRecent {
		return 0
	}
	b := int(math.Ceil(bucketsAnOctave * math.Log2(float64(took)/float64(shortestRecent))))
	return min(b, recentBuckets-1)
}

func recentBound(bucket int) time.Duration {
	return time.Duration(float64(shortestRecent) * math.Exp2(float64(bucket)/bucketsAnOctave))
}

// Recent is how long the process took for its verdicts within the window.
type Recent struct {
	Window   time.Duration
	Verdicts int64
	P50, P99 time.Duration // rounded up, by 9 % at most; 0 without verdicts
}

// Recent looks at the last five minutes.
func (m *Metrics) Recent() Recent { return m.recent.report(time.Now()) }

func (r *recent) report(now time.Time) Recent {
	number := now.UnixNano() / int64(slotLength)
	var counts [recentBuckets]int64
	report := Recent{Window: recentWindow}
	for i := range r.slots {
		slot := &r.slots[i]
		if age := number - slot.number.Load(); age < 0 || age > recentSlots {
			continue
		}
		for b := range slot.counts {
			n := slot.counts[b].Load()
			counts[b] += n
			report.Verdicts += n
		}
	}
	if report.Verdicts > 0 {
		report.P50, report.P99 = quantile(counts[:], report.Verdicts, 0.5), quantile(counts[:], report.Verdicts, 0.99)
	}
	return report
}

func quantile(counts []int64, all int64, q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(all)))
	for b, n := range counts {
		if rank -= n; rank <= 0 {
			return recentBound(b)
		}
	}
	return recentBound(len(counts) - 1)
}

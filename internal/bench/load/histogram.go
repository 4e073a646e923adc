package load

import (
	"math/bits"
	"time"
)

// Each power of two is cut into 64 steps, so a value read back is at most 1.6 % too high.
const (
	stepBits = 6
	steps    = 1 << stepBits
	// top is the number of bits of the largest value kept apart: 2^41 ns is over half an hour.
	top     = 41
	buckets = (top - stepBits + 1) * steps
)

// Histogram counts durations on a logarithmic scale. The zero value is empty and ready; it is not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint64
	total  uint64
	max    time.Duration
}

// Record counts d; a negative one counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Add counts everything that o has counted.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// Count is the number of durations recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max is the longest duration, exactly; 0 when there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is a duration that the share q of all (0 to 1) does not exceed, at most 1.6 % too high; 0 when there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(1, uint64(q*float64(h.total)+0.5))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(upperBound(i), h.max)
		}
	}
	return h.max
}

func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-stepBits-1)
	return min(shift*steps+int(v>>shift), buckets-1)
}

// upperBound is the largest value that falls into bucket i.
func upperBound(i int) time.Duration {
	shift := max(0, i/steps-1)
	return time.Duration(uint64(i-shift*steps+1)<<shift - 1)
}

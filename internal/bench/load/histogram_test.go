package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantilesAreAtMostTwoPercentTooHigh(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	all := make([]time.Duration, 20_000)
	for i := range all {
		all[i] = time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		h.Record(all[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		exact, got := all[int(q*float64(len(all)))-1], h.Quantile(q)
		if got < exact || float64(got) > 1.02*float64(exact) {
			t.Errorf("quantile %v is %v, want %v or up to 2 %% more", q, got, exact)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != uint64(len(all)) {
		t.Errorf("max %v, count %d; want %v and %d", h.Max(), h.Count(), all[len(all)-1], len(all))
	}
}

func TestHistogramKeepsEveryDurationInItsBucket(t *testing.T) {
	t.Parallel()
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 1 << 20, 1<<20 + 1, 1<<41 - 1} {
		i := bucket(v)
		if i < last || uint64(upperBound(i)) < v || (i > 0 && uint64(upperBound(i-1)) >= v) {
			t.Errorf("%d falls into bucket %d, which ends at %d", v, i, upperBound(i))
		}
		last = i
	}
	if got := bucket(1 << 62); got != buckets-1 {
		t.Errorf("a huge value falls into bucket %d, want the last one", got)
	}
}

func TestHistogramOfNothingAndOfTwo(t *testing.T) {
	t.Parallel()
	var a, b Histogram
	if a.Quantile(0.99) != 0 || a.Max() != 0 {
		t.Errorf("an empty histogram has p99 %v and max %v", a.Quantile(0.99), a.Max())
	}
	a.Record(time.Millisecond)
	b.Record(time.Second)
	b.Record(-time.Second)
	a.Add(&b)
	if a.Count() != 3 || a.Max() != time.Second || a.Quantile(0.01) != 0 {
		t.Errorf("count %d, max %v, least %v", a.Count(), a.Max(), a.Quantile(0.01))
	}
}

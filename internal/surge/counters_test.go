package surge

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// naive counts as [counters] do, and looks at all counts for the smallest.
type naive map[name]int

func (c naive) add(n name) {
	if _, known := c[n]; known || len(c) < kept {
		c[n]++
		return
	}
	least := c.least()
	for smallest, count := range c {
		if count == least {
			delete(c, smallest)
			c[n] = least + 1
			return
		}
	}
}

func (c naive) least() int { return slices.Min(slices.Collect(maps.Values(c))) }

// above gives what counts more than the smallest. Which of the smallest goes first is chance, and changes nothing else.
func (c naive) above() naive {
	least, above := c.least(), maps.Clone(c)
	maps.DeleteFunc(above, func(_ name, count int) bool { return count == least })
	return above
}

// The hashes are few, so that many names share one.
func TestCountersCountAsNaiveOnesDo(t *testing.T) {
	t.Parallel()
	random, c, want, truth := rand.New(rand.NewPCG(1, 2)), &counters{}, naive{}, naive{}
	zipf := rand.NewZipf(random, 1.1, 20, 5000)
	for i := range 30_000 {
		id := zipf.Uint64()
		n := name{"apify", strconv.FormatUint(id, 10)}
		c.add(n, id%100)
		want.add(n)
		truth[n]++
		if i%100 == 0 || i < 2*kept {
			checkCounters(t, c, want, truth)
		}
	}
	if len(truth) < 4*kept || want.least() < 10 {
		t.Errorf("%d names, of which the smallest counts %d: too tame", len(truth), want.least())
	}
	c.clear()
	c.add(name{"apify", "0"}, 0)
	checkCounters(t, c, naive{{"apify", "0"}: 1}, naive{{"apify", "0"}: 1})
}

func checkCounters(t *testing.T, c *counters, want, truth naive) {
	t.Helper()
	got := naive{}
	for i, r := range c.heap {
		k := r.counter
		got[k.name] = k.count
		if parent := c.heap[max(i-1, 0)/2]; parent.count > r.count || r.count > k.count {
			t.Fatalf("rank %d is %d, above it is %d, the counter says %d", i, r.count, parent.count, k.count)
		}
		if k.count < truth[k.name] || k.count-k.surplus > truth[k.name] {
			t.Fatalf("%v counts %d, %d of them perhaps another's; it is %d", k.name, k.count, k.surplus, truth[k.name])
		}
		if c.find(k.name, k.hash) != k {
			t.Fatalf("%v is not found", k.name)
		}
	}
	if got.least() != want.least() || len(got) != len(want) || !maps.Equal(got.above(), want.above()) {
		t.Fatalf("counted\n\t%v\nwant\n\t%v", got, want)
	}
	if len(c.heap) == kept && c.smallest().count != want.least() {
		t.Fatalf("the smallest counts %d, want %d", c.smallest().count, want.least())
	}
}

package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

// at makes a phase with a rate.
func at(k kind, rate uint64) phase {
	r := &load.Result{Elapsed: time.Second, Statuses: map[int]uint64{200: rate}}
	r.Latency.Record(10 * time.Millisecond)
	return phase{Kind: k, Result: r, Drained: 2 * time.Second}
}

func TestRatiosCompareWithTheYardsticksOnBothSides(t *testing.T) {
	t.Parallel()
	f := &findings{Phases: []phase{
		at(bareRequests, 100), at(gatewayFirst, 60), at(bareRequests, 200), at(gatewayRepeats, 150),
		at(bareRequests, 400), at(naiveFirst, 30), at(gatewayFirst, 90), at(naiveFirst, 60),
	}}
	for _, c := range []struct {
		name string
		got  []float64
		want []float64
	}{
		{"between two, and after one", f.ratios(gatewayFirst, answeredRate, bareRequests), []float64{60.0 / 150, 90.0 / 400}},
		{"before one, and between two", f.ratios(gatewayFirst, answeredRate, naiveFirst), []float64{2, 2}},
		{"until rows", f.ratios(gatewayRepeats, drainedRate, bareRequests), []float64{75.0 / 300}},
		{"without a yardstick", f.ratios(gatewayFirst, answeredRate, fullBare), nil},
	} {
		if len(c.got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
			continue
		}
		for i := range c.got {
			if math.Abs(c.got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
			}
		}
	}
	if got := f.rates(bareRequests); got != (spread{Mean: 700.0 / 3, Min: 100, Max: 400}) {
		t.Errorf("rates of bare: %+v", got)
	}
}

// passing are findings that miss no bar.
func passing() *findings {
	return &findings{
		Phases: []phase{
			at(bareRequests, 100), at(gatewayFirst, 40), at(bareRequests, 100), at(gatewayRepeats, 100), at(bareRequests, 100),
			at(naiveFirst, 20), at(naiveRepeats, 80), at(halfFirst, 20), at(halfRepeats, 50), at(gatewayStorm, 100),
			at(fullBare, 100), at(fullFirst, 39), at(fullBare, 100),
			at(bareRequests, 100), at(forwardingFirst, 31), at(bareRequests, 100), at(firstBesideStorm, 200),
		},
		Forwarding: forwarding{Events: 5000, Delivered: 5000, Rate: 1600, WakeUp: 10 * time.Millisecond},
		RedisBytes: 180, Storm: memory{Early: 100e6, Late: 101e6}, Rows: 10_000_000,
	}
}

func TestBarsAreMissedOneByOne(t *testing.T) {
	t.Parallel()
	for _, b := range passing().bars() {
		if b.Missed || b.Left {
			t.Errorf("%s is %s: %s, want %s", b.Name, b.verdict(), b.Measured, b.Limit)
		}
	}
	late := at(halfRepeats, 50)
	late.Result.Latency.Record(time.Second)
	slow := at(firstBesideStorm, 200)
	slow.Result.Latency.Record(time.Second)
	for name, spoil := range map[string]func(*findings){
		"first deliveries ÷ bare":        func(f *findings) { f.Phases[1] = at(gatewayFirst, 30); f.Phases[0] = at(bareRequests, 101) },
		"first deliveries ÷ naive":       func(f *findings) { f.Phases[5] = at(naiveFirst, 27) },
		"repeats, answered":              func(f *findings) { f.Phases[3].Result.Statuses[200] = 79; f.Phases[3].Drained = time.Second },
		"repeats, until every one":       func(f *findings) { f.Phases[3].Drained = 3 * time.Second },
		"p99 of repeats":                 func(f *findings) { f.Phases[8] = late },
		"p99 of first deliveries beside": func(f *findings) { f.Phases[16] = slow },
		"bytes of Redis":                 func(f *findings) { f.RedisBytes = 201 },
		"first deliveries with 10.0 mi":  func(f *findings) { f.Phases[11] = at(fullFirst, 35) },
		"growth of the gateway":          func(f *findings) { f.Storm.Late = 111e6 },
		"first deliveries while handing": func(f *findings) { f.Phases[14] = at(forwardingFirst, 29) },
		"deliveries a second":            func(f *findings) { f.Forwarding.Rate = 1499 },
		"deliveries a second to a local": func(f *findings) { f.Forwarding.Delivered = 4999 },
		"from receipt to the first":      func(f *findings) { f.Forwarding.WakeUp = 31 * time.Millisecond },
		"rows of every table":            func(f *findings) { f.Imbalances = []string{"one row is missing"} },
	} {
		f := passing()
		spoil(f)
		var missed []string
		for _, b := range f.bars() {
			if b.Missed {
				missed = append(missed, b.Name)
			}
		}
		if len(missed) != 1 || !strings.HasPrefix(missed[0], name) {
			t.Errorf("%s: missed are %q", name, missed)
		}
	}
}

func TestMemoryGrowthComparesTheLastQuarterWithTheSecond(t *testing.T) {
	t.Parallel()
	m := newMemory([]int64{1, 1, 10, 10, 50, 50, 11, 13})
	if m.Early != 10 || m.Late != 12 || math.Abs(m.Growth()-0.2) > 1e-9 {
		t.Errorf("%+v grows by %v", m, m.Growth())
	}
	if none := newMemory(nil); none.Growth() != 0 {
		t.Errorf("nothing grows by %v", none.Growth())
	}
}

package forward

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreakerOpensAfterFailuresInARowAndTriesWithOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var states []BreakerState
		b := newBreaker(Breaker{Failures: 3, Wait: 10 * time.Second}, func(s BreakerState) { states = append(states, s) })
		try := func(well bool) {
			t.Helper()
			p, after := b.admit()
			if after > 0 {
				t.Fatalf("no permit, ask again in %s", after)
			}
			p.record(well)
		}
		refused := func(want time.Duration) {
			t.Helper()
			if _, after := b.admit(); after != want {
				t.Fatalf("ask again in %s, want %s", after, want)
			}
		}
		for _, well := range []bool{false, false, true, false, false, false} {
			try(well)
		}
		refused(10 * time.Second)
		if b.remaining() != 10*time.Second || b.state() != BreakerOpen {
			t.Errorf("%s for %s", b.state(), b.remaining())
		}
		time.Sleep(9 * time.Second)
		refused(time.Second)
		time.Sleep(time.Second)

		probe, after := b.admit()
		if after != 0 {
			t.Fatal("nobody may try")
		}
		refused(time.Second) // one tries at a time
		probe.handBack()     // and when it did not, the next one may
		try(false)
		refused(10 * time.Second)
		time.Sleep(10 * time.Second)
		try(true)
		if b.state() != BreakerClosed {
			t.Errorf("%s after a success", b.state())
		}
		try(true)
		want := []BreakerState{"open", "half_open", "open", "half_open", "open", "half_open", "closed"}
		if !slices.Equal(states, want) {
			t.Errorf("told %v, want %v", states, want)
		}
	})
}

package app

import (
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/forward"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestWhatADeliveryWaitsFor(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	well := forward.Condition{Breaker: forward.BreakerClosed}
	broken, trying := forward.Condition{Breaker: forward.BreakerOpen}, forward.Condition{Breaker: forward.BreakerHalfOpen}
	paused := forward.Condition{Breaker: forward.BreakerOpen, Paused: true}
	for name, tt := range map[string]struct {
		state        string
		next         time.Duration // from now, 0 for none
		condition    forward.Condition
		unconfigured bool
		behind       bool
		want         string
	}{
		"nothing":                                 {"pending", 0, well, false, false, ""},
		"an open breaker":                         {"pending", 0, broken, false, false, "breaker"},
		"a breaker that is tried by another":      {"pending", 0, trying, false, false, "breaker"},
		"an open breaker, its time has come":      {"retrying", -time.Second, broken, false, false, "breaker"},
		"its own time, whatever the breaker":      {"retrying", time.Second, broken, false, false, ""},
		"a pause, whatever its time":              {"retrying", time.Second, paused, false, false, "resume"},
		"an earlier one before the breaker":       {"pending", 0, broken, false, true, "earlier"},
		"a destination that is gone":              {"pending", 0, forward.Condition{}, true, false, "configuration"},
		"one under way waits for nothing":         {"delivering", 0, broken, false, false, ""},
		"a held one waits for more than that":     {"held", 0, broken, false, false, ""},
		"a dead one does not wait":                {"dead", 0, paused, false, false, ""},
		"a delivered one of a destination of old": {"delivered", 0, forward.Condition{}, true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := view.Delivery{State: tt.state}
			if tt.next != 0 {
				at := now.Add(tt.next)
				d.NextAttemptAt = &at
			}
			if got := waitsFor(&d, tt.condition, !tt.unconfigured, tt.behind, now); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

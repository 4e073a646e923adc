package delivery_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

func TestOverAreTheStatesThatOnlyAnOperatorEnds(t *testing.T) {
	t.Parallel()
	over := map[delivery.State]bool{delivery.Delivered: true, delivery.Dead: true, delivery.Cancelled: true}
	all := delivery.States()
	if len(all) != 7 {
		t.Errorf("%d states", len(all))
	}
	for _, s := range all {
		if s.Over() != over[s] {
			t.Errorf("%s: over is %t", s, s.Over())
		}
	}
	if slices.Sort(all); len(slices.Compact(all)) != 7 {
		t.Error("a state is there twice")
	}
}

func events() *rapid.Generator[delivery.Event] {
	return rapid.Custom(func(t *rapid.T) delivery.Event {
		return delivery.Event{
			Source:  rapid.SampledFrom([]string{"apify", "github", "shop"}).Draw(t, "source"),
			Type:    rapid.SampledFrom([]string{"", "TEST", "ACTOR.RUN.SUCCEEDED", "ACTOR.BUILD.FAILED"}).Draw(t, "type"),
			Outcome: rapid.SampledFrom([]dedup.Outcome{dedup.OutcomeNew, dedup.OutcomeUpdated, dedup.OutcomeLate, dedup.OutcomeTest, dedup.OutcomeDuplicate, dedup.OutcomeQuarantined}).Draw(t, "outcome"),
		}
	})
}

func destinations() *rapid.Generator[*delivery.Destination] {
	return rapid.Custom(func(t *rapid.T) *delivery.Destination {
		return &delivery.Destination{
			Sources:    rapid.SliceOfN(rapid.SampledFrom([]string{"apify", "github", "shop"}), 0, 2).Draw(t, "sources"),
			EventTypes: rapid.SliceOfN(rapid.SampledFrom([]string{"*", "ACTOR.RUN.*", "ACTOR.*.FAILED", "TEST", "NONE"}), 0, 2).Draw(t, "types"),
			Late:       rapid.Bool().Draw(t, "late"), Test: rapid.Bool().Draw(t, "test"),
		}
	})
}

func TestEveryRestrictionOnlyTakesAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, e := destinations().Draw(t, "destination"), events().Draw(t, "event")
		if !d.Wants(e) {
			return
		}
		loosened := delivery.Destination{Late: true, Test: true}
		if !loosened.Wants(e) {
			t.Fatal("a destination that wants everything doesn't want it")
		}
		switch e.Outcome {
		case dedup.OutcomeDuplicate, dedup.OutcomeQuarantined:
			t.Fatalf("%s goes out", e.Outcome)
		case dedup.OutcomeLate, dedup.OutcomeTest:
			without := *d
			without.Late, without.Test = false, false
			if without.Wants(e) {
				t.Fatalf("%s goes out although it is not asked for", e.Outcome)
			}
		default:
		}
		if len(d.Sources) > 0 && !slices.Contains(d.Sources, e.Source) {
			t.Fatalf("it is from %s", e.Source)
		}
	})
}

func TestPatternsOfEventTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patterns []string
		kind     string
		wants    bool
	}{
		{nil, "", true},
		{nil, "ACTOR.RUN.SUCCEEDED", true},
		{[]string{"ACTOR.RUN.SUCCEEDED"}, "ACTOR.RUN.SUCCEEDED", true},
		{[]string{"ACTOR.RUN.SUCCEEDED"}, "ACTOR.RUN.SUCCEEDED2", false},
		{[]string{"ACTOR.RUN.*"}, "ACTOR.RUN.TIMED_OUT", true},
		{[]string{"ACTOR.BUILD.*", "*.FAILED"}, "ACTOR.RUN.FAILED", true},
		{[]string{"ACTOR.BUILD.*"}, "ACTOR.RUN.FAILED", false},
		{[]string{"*"}, "", true},
		{[]string{"A*"}, "", false},
		{[]string{"["}, "[", false},
	} {
		d := delivery.Destination{EventTypes: c.patterns}
		if got := d.Wants(delivery.Event{Source: "apify", Type: c.kind, Outcome: dedup.OutcomeNew}); got != c.wants {
			t.Errorf("%v of %q: %t", c.patterns, c.kind, got)
		}
	}
}

func TestWaitsGrowWithinTheirBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := delivery.Retry{
			Attempts: rapid.IntRange(1, 100).Draw(t, "attempts"),
			First:    time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "first")),
			Factor:   rapid.Float64Range(1, 10).Draw(t, "factor"),
			Max:      time.Duration(rapid.Int64Range(int64(time.Hour), int64(24*30*time.Hour)).Draw(t, "max")),
		}
		attempt := rapid.IntRange(1, 5000).Draw(t, "attempt")
		chance := rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "chance")
		wait, next := r.Wait(attempt, chance), r.Wait(attempt+1, chance)
		if lowest := time.Duration(float64(r.First) * 0.79); wait < lowest || wait > r.Max*12/10+1 {
			t.Fatalf("waits %s", wait)
		}
		if next < wait {
			t.Fatalf("waits %s, and then %s", wait, next)
		}
		if spread := r.Wait(attempt, 0.999) - r.Wait(attempt, 0); spread > r.Wait(attempt, 0) {
			t.Fatalf("spread by %s", spread)
		}
		if r.Exhausted(attempt) != (attempt >= r.Attempts) {
			t.Fatalf("attempt %d of %d", attempt, r.Attempts)
		}
	})
}

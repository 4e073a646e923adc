package apify

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

type passes struct {
	made   []time.Time
	failed int
}

func (p *passes) Reconciled(_ Report, failed bool) {
	p.made = append(p.made, time.Now())
	if failed {
		p.failed++
	}
}

// runFor lets a reconciler run in a bubble.
func runFor(t *testing.T, l *lost, every, total time.Duration) *passes {
	t.Helper()
	l.r.opts.Now = time.Now
	p := &passes{}
	ctx, cancel := context.WithTimeout(t.Context(), total)
	defer cancel()
	l.r.Run(ctx, func() time.Duration { return every }, p)
	return p
}

func TestRunMakesAPassNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if p := runFor(t, newLost(t), 15*time.Minute, 3*time.Hour); len(p.made) < 10 || len(p.made) > 12 || p.failed > 0 {
			t.Errorf("%d passes in three hours, %d failed", len(p.made), p.failed)
		}
	})
}

func TestRunMakesNoPassWhenSwitchedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if p := runFor(t, newLost(t), 0, 3*time.Hour); len(p.made) > 0 {
			t.Errorf("%d passes", len(p.made))
		}
	})
}

func TestRunLeavesThePassToWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, other := newLost(t), newLost(t)
		other.r.opts.Record = one.books
		done := make(chan *passes)
		go func() { done <- runFor(t, other, 15*time.Minute, 3*time.Hour) }()
		mine := runFor(t, one, 15*time.Minute, 3*time.Hour)
		theirs := <-done
		if n := len(mine.made) + len(theirs.made); n < 8 || n > 14 {
			t.Errorf("%d passes by two in three hours", n)
		}
	})
}

func TestRunGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		l.run("runA", "SUCCEEDED", time.Now().Add(-time.Hour))
		l.dispatch("d1", DispatchFailed, "w1", "runA", time.Now().Add(-time.Hour))
		l.books.refuse, l.books.until = dedup.ErrUnavailable, time.Now().Add(40*time.Minute)
		p := runFor(t, l, 15*time.Minute, time.Hour)
		if p.failed == 0 || p.failed == len(p.made) || len(l.books.events) != 1 {
			t.Errorf("%d of %d failed, %d events", p.failed, len(p.made), len(l.books.events))
		}
	})
}

package dedup

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

// fakeLimiter lets as many pass as it has left.
type fakeLimiter struct {
	off   bool
	left  int
	asked [][]string
	reply func([]*Inbound) []time.Duration
}

func (f *fakeLimiter) On() bool { return !f.off }

func (f *fakeLimiter) Allow(_ context.Context, batch []*Inbound) []time.Duration {
	var keys []string
	waits := make([]time.Duration, len(batch))
	for i, in := range batch {
		keys = append(keys, in.Key.Event)
		if f.left--; f.left < 0 {
			waits[i] = time.Second
		}
	}
	f.asked = append(f.asked, keys)
	if f.reply != nil {
		return f.reply(batch)
	}
	return waits
}

func limited(t *testing.T, l Limiter, batch []*pending) (passed []string) {
	t.Helper()
	g := &Gate{opts: Options{Limiter: l}, requests: len(batch), idle: make(chan struct{})}
	for _, p := range g.limit(batch) {
		passed = append(passed, p.entry.Key.Event)
	}
	if g.requests != len(passed) {
		t.Errorf("%d requests are inside, %d have passed", g.requests, len(passed))
	}
	return passed
}

func waiting(n int) []*pending {
	batch := make([]*pending, n)
	for i := range batch {
		in := &Inbound{Key: Key{Source: "apify", Event: strconv.Itoa(i)}, Via: ViaWebhook}
		batch[i] = &pending{entry: Entry{Inbound: in}, done: make(chan struct{})}
	}
	return batch
}

func TestRequestsOverTheirRateAreAnswered(t *testing.T) {
	t.Parallel()
	batch := waiting(3)
	if got := limited(t, &fakeLimiter{left: 2}, batch); !slices.Equal(got, []string{"0", "1"}) {
		t.Errorf("passed: %v", got)
	}
	<-batch[2].done
	var limit *LimitedError
	if !errors.As(batch[2].err, &limit) || limit.RetryAfter != time.Second {
		t.Errorf("answered %v", batch[2].err)
	}
}

func TestKnownDuplicatesAndReplaysAreNotAskedAbout(t *testing.T) {
	t.Parallel()
	batch := waiting(5)
	batch[0].goodMark, batch[1].entry.Known = true, true
	batch[2].entry.Via, batch[3].entry.Via = ViaQuarantine, ViaReconciled
	l := &fakeLimiter{}
	if got := limited(t, l, batch); !slices.Equal(got, []string{"0", "1", "2", "3"}) {
		t.Errorf("passed: %v", got)
	}
	if len(l.asked) != 1 || !slices.Equal(l.asked[0], []string{"4"}) {
		t.Errorf("asked about %v", l.asked)
	}
	l = &fakeLimiter{}
	if limited(t, l, batch[:4:4]); len(l.asked) != 0 {
		t.Errorf("asked about %v", l.asked)
	}
}

func TestWithoutLimitsNobodyIsAsked(t *testing.T) {
	t.Parallel()
	off := &fakeLimiter{off: true}
	for _, l := range []Limiter{nil, off} {
		if got := limited(t, l, waiting(3)); len(got) != 3 {
			t.Errorf("passed: %v", got)
		}
	}
	if len(off.asked) != 0 {
		t.Error("asked")
	}
}

func TestALimiterThatAnswersNonsenseLimitsNothing(t *testing.T) {
	t.Parallel()
	for _, waits := range [][]time.Duration{nil, {1}, {1, 1, 1, 1}} {
		l := &fakeLimiter{reply: func([]*Inbound) []time.Duration { return waits }}
		if got := limited(t, l, waiting(3)); len(got) != 3 {
			t.Errorf("%v: passed %v", waits, got)
		}
	}
}

package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

type storeFunc func(ctx context.Context) error

func (f storeFunc) KeepOversize(ctx context.Context, _ *dedup.Inbound, _ int64) error { return f(ctx) }

// allowance lets this many pass.
type allowance struct{ left atomic.Int64 }

func allow(n int64) *allowance {
	a := &allowance{}
	a.left.Store(n)
	return a
}

func (*allowance) On() bool { return true }

func (a *allowance) Allow(_ context.Context, batch []*dedup.Inbound) []time.Duration {
	waits := make([]time.Duration, len(batch))
	for i := range waits {
		if a.left.Add(-1) < 0 {
			waits[i] = time.Minute
		}
	}
	return waits
}

func keep(k *oversizeKeeper) error { return k.KeepOversize(context.Background(), &dedup.Inbound{}, -1) }

func TestAThirdOversizeBodyAtATimeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leave, plenty := make(chan struct{}), allow(100)
		k := newOversizeKeeper(storeFunc(func(context.Context) error { <-leave; return nil }), plenty, time.Second)
		kept := make(chan error, oversizePlaces)
		for range oversizePlaces {
			go func() { kept <- keep(k) }()
		}
		synctest.Wait()
		if err := keep(k); !errors.Is(err, dedup.ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		if left := plenty.left.Load(); left != 100-oversizePlaces {
			t.Errorf("%d are left: who was refused was charged", left)
		}
		close(leave)
		for range oversizePlaces {
			if err := <-kept; err != nil {
				t.Error(err)
			}
		}
		if err := keep(k); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestOversizeBodiesAreChargedBeforeTheyAreKept(t *testing.T) {
	t.Parallel()
	stored := 0
	k := newOversizeKeeper(storeFunc(func(context.Context) error { stored++; return nil }), allow(1), time.Second)
	if err := keep(k); err != nil || stored != 1 {
		t.Errorf("the first: %v, %d stored", err, stored)
	}
	var limit *dedup.LimitedError
	if err := keep(k); !errors.As(err, &limit) || limit.RetryAfter != time.Minute || stored != 1 {
		t.Errorf("one over the rate: %v, %d stored", err, stored)
	}
}

func TestKeepingAnOversizeBodyEndsWithTheTimeOfADecision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newOversizeKeeper(storeFunc(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), allow(1), 8*time.Second)
		start := time.Now()
		if err := keep(k); !errors.Is(err, dedup.ErrUnavailable) || time.Since(start) != 8*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// A sender is told to come again, and not that something is broken.
func TestAnOversizeBodyThatTheLedgerDidNotConfirmIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{dedup.ErrContended, dedup.ErrUnclear, dedup.ErrUnavailable} {
		if err := keep(newOversizeKeeper(storeFunc(func(context.Context) error { return cause }), allow(1), time.Second)); !errors.Is(err, dedup.ErrUnavailable) {
			t.Errorf("%v: %v", cause, err)
		}
	}
}

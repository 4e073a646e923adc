package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestWhoWaitsTogetherSharesACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sizes []int
		b := batcher[int, int]{lanes: 1, most: 4, run: func(in []int, answer func(int, int, error)) {
			mu.Lock()
			sizes = append(sizes, len(in))
			mu.Unlock()
			time.Sleep(time.Second)
			for i, n := range in {
				answer(i, n*n, nil)
			}
		}}
		var all sync.WaitGroup
		ask := func(n int) {
			all.Go(func() {
				if got, err := b.do(t.Context(), n); got != n*n || err != nil {
					t.Errorf("%d: got %d, %v", n, got, err)
				}
			})
			synctest.Wait()
		}
		started := time.Now()
		for n := range 7 {
			ask(n)
		}
		all.Wait()
		if want := []int{1, 4, 2}; !slices.Equal(sizes, want) {
			t.Errorf("calls of %v, want %v", sizes, want)
		}
		if took := time.Since(started); took != 3*time.Second {
			t.Errorf("took %s: somebody waited for nothing", took)
		}
	})
}

func TestLanesRunAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := batcher[int, int]{lanes: 2, most: 1, run: func(_ []int, answer func(int, int, error)) {
			time.Sleep(time.Second)
			answer(0, 0, nil)
		}}
		started := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = b.do(t.Context(), 1) })
		}
		all.Wait()
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("four calls in two lanes took %s", took)
		}
	})
}

func TestAWaiterLeavesWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := batcher[int, int]{lanes: 1, most: 9, run: func(in []int, answer func(int, int, error)) {
			time.Sleep(time.Minute)
			for i := range in {
				answer(i, 0, nil)
			}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.do(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := b.do(t.Context(), 2); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}

// pickyStore can't store the result of one delivery.
type pickyStore struct {
	*memoryStore
	poison dedup.ID
}

func (s pickyStore) Finish(ctx context.Context, results []delivery.Result) error {
	if slices.ContainsFunc(results, func(r delivery.Result) bool { return r.DeliveryID == s.poison }) {
		return errors.New("invalid input syntax")
	}
	return s.memoryStore.Finish(ctx, results)
}

func TestAResultThatCannotBeStoredHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := pickyStore{memoryStore: newMemoryStore()}
		shipments := shipmentsFor("app", 20)
		store.add(shipments...)
		store.poison = shipments[7].ID
		given, giveUp := context.WithCancel(t.Context())
		a := newAsker(given, store, courtesy{}, testkit.Logger(t))
		var good, bad sync.WaitGroup
		for i, s := range shipments {
			group := &good
			if i == 7 {
				group = &bad
			}
			group.Go(func() {
				err := a.finish(delivery.Result{Attempt: delivery.Attempt{DeliveryID: s.ID}, State: delivery.Delivered})
				if (err != nil) != (i == 7) {
					t.Errorf("result %d: %v", i, err)
				}
			})
		}
		good.Wait()
		if n := store.counts()[delivery.Delivered]; n != 19 {
			t.Errorf("%d results are stored", n)
		}
		giveUp()
		bad.Wait()
		synctest.Wait()
	})
}

func TestResultsAreToldUntilTheStoreIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		s := shipmentFor("app")
		store.add(s)
		store.fail(errDown)
		time.AfterFunc(time.Hour, func() { store.fail(nil) })
		log, records := testkit.CaptureLogger(t)
		a := newAsker(t.Context(), store, courtesy{}, log)
		if err := a.finish(delivery.Result{Attempt: delivery.Attempt{DeliveryID: s.ID}, State: delivery.Delivered}); err != nil {
			t.Error(err)
		}
		if store.state(s.ID) != delivery.Delivered {
			t.Error("it is not stored")
		}
		if n := len(records.All()); n != 2 {
			t.Errorf("%d lines for one outage", n)
		}
	})
}

package dedup_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// twoCommitters is a gate whose transactions end when they are let go, and the sizes of those that have begun.
func twoCommitters(t *testing.T, change ...func(*dedup.Options)) (g *dedup.Gate, begun func() []int, end func()) {
	t.Helper()
	var mu sync.Mutex
	var sizes []int
	goOn := make(chan struct{})
	f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
		mu.Lock()
		sizes = append(sizes, len(batch))
		mu.Unlock()
		<-goOn
		return firstForAll(batch), thisLife, nil
	}}
	g = newGate(t, f, append(change, func(o *dedup.Options) { o.Committers = 2 })...)
	begun = func() []int {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(sizes)
	}
	return g, begun, func() { goOn <- struct{}{} }
}

func TestGateStartsASecondBatchWhenItIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, begun, end := twoCommitters(t)
		var wg sync.WaitGroup
		n := 0
		send := func(count int) {
			for range count {
				n++
				in := inbound(fmt.Sprint(n))
				wg.Go(func() { _, _ = g.Admit(context.Background(), in) })
			}
			synctest.Wait()
		}
		want := func(sizes ...int) {
			t.Helper()
			if got := begun(); !slices.Equal(got, sizes) {
				t.Fatalf("transactions of %v requests have begun, want %v", got, sizes)
			}
		}
		send(1)
		want(1) // nothing under way: at once
		send(15)
		want(1) // one is under way, the other is not full
		send(1)
		want(1, 16) // full
		send(5)
		want(1, 16) // both committers are busy
		end()
		want(1, 16) // one is under way still
		end()
		want(1, 16, 5) // nothing is under way any more
		end()
		wg.Wait()
	})
}

func TestGateGivesATransactionHalfOfWhatItHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{}, 1)
		held := &fakes{claim: func(reqs []dedup.ClaimRequest) []dedup.ClaimReply {
			<-goOn
			return slices.Repeat([]dedup.ClaimReply{{State: dedup.ClaimFirst}}, len(reqs))
		}}
		g, begun, end := twoCommitters(t, func(o *dedup.Options) { o.Claimer, o.BatchRequests = held, 64 })
		var wg sync.WaitGroup
		send := func(key string) { wg.Go(func() { _, _ = g.Admit(context.Background(), inbound(key)) }) }
		goOn <- struct{}{}
		send("first")
		begun()
		for i := range 49 {
			send(fmt.Sprint(i))
		}
		synctest.Wait() // all are in the gate
		close(goOn)
		if got := begun(); !slices.Equal(got, []int{1, 25}) {
			t.Errorf("transactions of %v requests have begun, want one of 1 and half of 50", got)
		}
		end()
		end()
		if got := begun(); !slices.Equal(got, []int{1, 25, 24}) {
			t.Errorf("transactions of %v requests have begun, want those and the rest", got)
		}
		end()
		wg.Wait()
	})
}

func TestGateDoesNotLetAStuckBatchHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, begun, end := twoCommitters(t)
		var wg sync.WaitGroup
		send := func(key string) { wg.Go(func() { _, _ = g.Admit(context.Background(), inbound(key)) }) }
		send("a")
		synctest.Wait()
		send("b")
		time.Sleep(30 * time.Millisecond) // in the bubble: the first one is stuck meanwhile
		for i := range 4 {
			send(fmt.Sprint(i))
		}
		synctest.Wait()
		end()
		end()
		if got := begun(); !slices.Equal(got, []int{1, 1, 4}) {
			t.Fatalf("transactions of %v requests have begun, want 1, 1 and 4", got)
		}
		start := time.Now()
		send("late")
		for len(begun()) < 4 {
			time.Sleep(time.Millisecond) // in the bubble: the batch of four is stuck meanwhile
		}
		if took := time.Since(start); took < 25*time.Millisecond || took > 30*time.Millisecond {
			t.Errorf("a request waited %s for a batch that is not its own, want 25 ms again", took)
		}
		end()
		end()
		wg.Wait()
	})
}

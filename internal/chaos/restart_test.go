package chaos

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// balancer sends to the replicas in turn, leaves out those whose /readyz is not 200, and tries a refused connection once
// more at another replica: the least that any load balancer does.
type balancer struct {
	replicas []*gateway
	usable   []atomic.Bool
	next     atomic.Int64
	stop     chan struct{}
	watching sync.WaitGroup
}

func newBalancer(t *testing.T, replicas ...*gateway) *balancer {
	t.Helper()
	b := &balancer{replicas: replicas, usable: make([]atomic.Bool, len(replicas)), stop: make(chan struct{})}
	for i, g := range replicas {
		b.usable[i].Store(true)
		b.watching.Go(func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-b.stop:
					return
				case <-tick.C:
					b.usable[i].Store(g.ready() == nil)
				}
			}
		})
	}
	t.Cleanup(func() { close(b.stop); b.watching.Wait() })
	return b
}

func (b *balancer) pick() *gateway {
	for range b.replicas {
		i := int(b.next.Add(1)) % len(b.replicas)
		if b.usable[i].Load() {
			return b.replicas[i]
		}
	}
	return b.replicas[int(b.next.Add(1))%len(b.replicas)]
}

func (b *balancer) send(dispatchID string, body []byte) (answer, error) {
	a, err := b.pick().send(dispatchID, body)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return b.pick().send(dispatchID, body)
	}
	return a, err
}

func TestARollingRestartFailsNoRequest(t *testing.T) {
	t.Parallel()
	dsn, rd := testkit.Postgres(t), testkit.StartRedis(t)
	replicas := []*gateway{startGateway(t, "a", dsn, rd.Addr()), startGateway(t, "b", dsn, rd.Addr())}
	b := newBalancer(t, replicas...)

	var sent atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				runID := newRunID()
				for i, want := range []string{"new", "duplicate"} {
					a, err := b.send(dispatch(runID, i), succeeded(t, runID))
					if err != nil || a.Code != http.StatusOK || a.Outcome != want {
						t.Errorf("answered %d %s, %v; want %s", a.Code, a.Outcome, err, want)
					}
					sent.Add(1)
				}
			}
		})
	}
	progress := func() {
		t.Helper()
		target := sent.Load() + 200
		testkit.Eventually(t, 30*time.Second, func() error {
			if n := sent.Load(); n < target {
				return fmt.Errorf("%d of %d requests sent", n, target)
			}
			return nil
		})
	}
	progress()
	for _, g := range replicas {
		if err := g.Terminate(); err != nil {
			t.Errorf("gateway %s did not exit with 0: %v", g.name, err)
		}
		progress()
		g.Start()
		g.WaitReady()
		progress()
	}
	close(stop)
	wg.Wait()
	stats := replicas[0].mustStats(0)
	if stats.Receipts != sent.Load() || sum(stats, "new") != sent.Load()/2 {
		t.Errorf("%d requests were answered, the books have %d receipts, %d of them new", sent.Load(), stats.Receipts, sum(stats, "new"))
	}
}

func TestAKilledGatewayLosesNothingThatItAnswered(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "a", testkit.Postgres(t), testkit.Redis(t))
	var (
		mu     sync.Mutex
		firsts = map[string]int{} // run id → how often it was answered as first
	)
	for round := range 5 {
		var wg sync.WaitGroup
		var answered atomic.Int64
		enough := make(chan struct{})
		for range 16 {
			wg.Go(func() {
				for {
					runID := newRunID()
					// The same event until it is answered, as Apify does; the kill ends the round.
					for twin := range 3 {
						a, err := g.send(dispatch(runID, twin), succeeded(t, runID))
						if err != nil {
							return
						}
						if a.Status == "accepted" {
							mu.Lock()
							firsts[runID]++
							mu.Unlock()
						}
						if answered.Add(1) == int64(100*(round+1)) {
							close(enough)
						}
					}
				}
			})
		}
		<-enough
		g.Kill()
		wg.Wait()
		g.Start()
		g.WaitReady()
	}
	for runID, n := range firsts {
		if n != 1 {
			t.Errorf("run %s was answered as first %d times", runID, n)
		}
		var line view.Timeline
		if err := g.api("/runs/"+runID, &line); err != nil {
			t.Fatalf("run %s was answered 200 and is lost: %v", runID, err)
		}
		a := g.mustSend(dispatch(runID, 9), succeeded(t, runID), "duplicate")
		if a.EventID != line.Events[0].ID {
			t.Errorf("run %s: the repeat names event %s, stored is %s", runID, a.EventID, line.Events[0].ID)
		}
	}
	t.Logf("%d events over 5 kills", len(firsts))
}

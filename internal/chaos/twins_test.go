package chaos

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// mustStats reads the books once no hit waits any more.
func (g *gateway) mustStats(hitsWaiting int64) view.Stats {
	g.t.Helper()
	var stats view.Stats
	testkit.Eventually(g.t, 30*time.Second, func() error {
		if err := g.api("/stats", &stats); err != nil {
			return err
		}
		if stats.HitsWaiting > hitsWaiting {
			return errHitsWait
		}
		return nil
	})
	return stats
}

type constError string

func (e constError) Error() string { return string(e) }

const errHitsWait = constError("hits still wait for the drainer")

func sum(stats view.Stats, outcome string) (n int64) {
	for _, c := range stats.Counts {
		if c.Outcome == outcome {
			n += c.Count
		}
	}
	return n
}

func TestTwoHundredIdenticalRequestsOverTwoProcesses(t *testing.T) {
	t.Parallel()
	pg, rd := testkit.StartPostgres(t), testkit.StartRedis(t)
	gateways := []*gateway{startGateway(t, "a", pg.DSN(), rd.Addr()), startGateway(t, "b", pg.DSN(), rd.Addr())}
	runID := newRunID()
	body := succeeded(t, runID)

	var mu sync.Mutex
	got := map[string]int{}
	events := map[string]bool{}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 200 {
		wg.Go(func() {
			<-start
			a, err := gateways[i%2].send(dispatch(runID, i%3), body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			if a.Code != http.StatusOK {
				t.Errorf("answered %d", a.Code)
			}
			got[a.Status]++
			events[a.EventID] = true
		})
	}
	close(start)
	wg.Wait()
	if got["accepted"] != 1 || got["duplicate"] != 199 {
		t.Errorf("answers %v, want 1 accepted and 199 duplicate", got)
	}
	if len(events) != 1 {
		t.Errorf("%d event ids for one event", len(events))
	}
	stats := gateways[0].mustStats(0)
	if stats.Receipts != 200 || sum(stats, "duplicate") != 199 {
		t.Errorf("books: %d receipts, %d duplicates", stats.Receipts, sum(stats, "duplicate"))
	}
	if log := pg.Log(); strings.Contains(log, "duplicate key value") {
		t.Errorf("PostgreSQL's log speaks of a unique violation:\n%s", log)
	}
}

func TestASecondGatewayOnAnotherDatabaseTakesNobodysMarks(t *testing.T) {
	t.Parallel()
	pg, rd := testkit.StartPostgres(t), testkit.StartRedis(t)
	one := startGateway(t, "one", pg.DSN(), rd.Addr())
	two := startGateway(t, "two", pg.Database(), rd.Addr())
	runID := newRunID()
	body := succeeded(t, runID)
	one.mustSend(dispatch(runID, 1), body, "new")
	if a := one.mustSend(dispatch(runID, 1), body, "duplicate"); a.Reason != "window_hit" {
		t.Errorf("reason %s: the first gateway's mark is not in use, so this test proves nothing", a.Reason)
	}
	two.mustSend(dispatch(runID, 1), body, "new")
	one.mustSend(dispatch(runID, 1), body, "duplicate")
	two.mustSend(dispatch(runID, 1), body, "duplicate")
	if s := one.mustStats(0); s.Receipts != 3 {
		t.Errorf("the first gateway's books have %d receipts, want its own 3", s.Receipts)
	}
	if s := two.mustStats(0); s.Receipts != 2 {
		t.Errorf("the second gateway's books have %d receipts, want its own 2", s.Receipts)
	}
}

func TestThreeReplicasStartTogether(t *testing.T) {
	t.Parallel()
	pg, rd := testkit.StartPostgres(t), testkit.StartRedis(t)
	var replicas []*gateway
	for _, name := range []string{"a", "b", "c"} {
		replicas = append(replicas, newGateway(t, name, pg.DSN(), rd.Addr()))
	}
	for _, g := range replicas {
		g.Start()
	}
	for _, g := range replicas {
		g.WaitReady()
	}
}

package chaos

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// unrecordedMost is how many attempts of a destination a process has under way, at a concurrency of 16, or is just having
// recorded.
const unrecordedMost = 2 * 16

func TestOneOfTwoReplicasIsKilledAndEveryEventArrives(t *testing.T) {
	t.Parallel()
	events := 5000
	if raceEnabled {
		events = 1000
	}
	dsn, redis := testkit.Postgres(t), testkit.Redis(t)
	started := make(chan struct{})
	var a, b *gateway
	var once sync.Once
	app := newReceiver(t, func(n int, arrived arrival) {
		if n < events/2 || arrived.gateway != "a" {
			return
		}
		// While this request of its own waits for an answer.
		once.Do(func() { <-started; a.Kill() })
	})
	start := func(name string) *gateway {
		return startGateway(t, name, dsn, redis, "destinations:\n"+app.destinedTo("all", name, "")+
			app.destinedTo("failures", name, ", event_types: ['*.FAILED']"))
	}
	a, b = start("a"), start("b")
	close(started)
	sent := feed(t, events, newBalancer(t, a, b).send)
	began := time.Now()
	books := openBooks(t, dsn)
	books.waitUntilAllIsDone(takenWithin)
	t.Logf("all is done %s after the last event was sent", time.Since(began).Round(time.Second))

	if len(sent) != events {
		t.Fatalf("%d events were answered, want %d", len(sent), events)
	}
	lost := wantConserved(books, map[string]int{"all": events, "failures": events / 2})
	if lost == 0 || lost > 2*unrecordedMost {
		t.Errorf("%d attempts are told as lost, want 1 to %d: one kill, two destinations", lost, 2*unrecordedMost)
	}
	if !strings.Contains(b.log.String(), "deliveries of a process that has gone are taken up again") {
		t.Error("the replica that is left does not say that it has taken over")
	}
	wantEveryEvent(t, app, sent, lost)
}

// wantConserved wants as many deliveries as events that match their destinations, each attempt told, and gives the number
// of those that were lost.
func wantConserved(b *books, matching map[string]int) (lost int) {
	b.t.Helper()
	all := 0
	for destination, n := range matching {
		all += n
		b.wantNumber(n, `SELECT count(*) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE destination = $1 AND replay = 0`, destination)
		b.wantNumber(n, deliveriesInState, destination, "delivered")
	}
	b.wantNumber(all, `SELECT count(*) FROM deliveries`)
	b.wantNumber(matching["all"], `SELECT count(*) FROM events`)
	lost = b.number(`SELECT count(*) FROM attempts WHERE status = 0 AND error = $1`, lostTry)
	b.wantNumber(all, `SELECT count(*) FROM attempts WHERE status = 200`)
	b.wantNumber(all+lost, `SELECT count(*) FROM attempts`)
	b.wantNumber(all+lost, `SELECT sum(attempts) FROM deliveries`)
	return lost
}

// wantEveryEvent wants every event at every destination that it matches, again only where an attempt was lost.
func wantEveryEvent(t *testing.T, r *receiver, sent map[string]told, lost int) {
	t.Helper()
	times := r.check(t, sent)
	want := 0
	for runID, event := range sent {
		destinations := []string{"all"}
		if event.failed {
			destinations = append(destinations, "failures")
		}
		want += len(destinations)
		for _, name := range destinations {
			if times[handed{name, runID}] == 0 {
				t.Errorf("event %s of run %s has not arrived at %s", event.id, runID, name)
			}
		}
	}
	if len(times) != want {
		t.Errorf("%d different events have arrived at destinations, want %d", len(times), want)
	}
	again := len(r.all()) - len(times)
	if again > lost {
		t.Errorf("%d events have arrived again, and only %d attempts were lost", again, lost)
	}
	t.Logf("%d requests, %d of them again, for %d attempts that were lost", len(r.all()), again, lost)
}

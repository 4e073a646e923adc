package forward

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestPausedDestinationsWaitInAllProcesses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start(destinationAt(t, "app", sink.URL))
		if b.db.Postgres != nil {
			b.start(destinationAt(t, "app", sink.URL))
		}
		paused := func(want bool) {
			t.Helper()
			states, err := f.Destinations(t.Context())
			must(t, err)
			if len(states) != 1 || states[0].Paused != want {
				t.Errorf("%+v", states)
			}
			conditions, err := f.Conditions(t.Context())
			must(t, err)
			if c := conditions["app"]; len(conditions) != 1 || c != (Condition{Paused: want, Breaker: BreakerClosed}) {
				t.Errorf("%+v", conditions)
			}
		}
		must(t, f.Pause(t.Context(), "app")) // in force at once, even before anything has come
		paused(true)
		b.enqueue(f, shipmentsFor("app", 20)...)
		testkit.Eventually(t, patience, func() error {
			return equal("queues that sleep", b.count("SELECT count(*) FROM river_queue WHERE name = 'app' AND paused_at IS NOT NULL"), 1)
		})
		if n := len(sink.all()); n != 0 {
			t.Errorf("%d requests while paused", n)
		}
		must(t, f.Resume(t.Context(), "app"))
		paused(false)
		b.store.settled(t, patience)
	})
}

// A queue that River holds otherwise than the store says is put right: somebody has died between the two.
func TestQueuesFollowTheStore(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	sink := newSink(t, nil)
	f := b.start(destinationAt(t, "app", sink.URL))
	b.enqueue(f, shipmentFor("app"))
	b.store.settled(t, patience) // its queue exists
	must(t, f.engine.pause(t.Context(), "app"))
	b.enqueue(f, shipmentsFor("app", 5)...)
	b.store.settled(t, patience)
	must(t, b.store.SetPaused(t.Context(), "app", true))
	testkit.Eventually(t, patience, func() error {
		return equal("queues that sleep", b.count("SELECT count(*) FROM river_queue WHERE name = 'app' AND paused_at IS NOT NULL"), 1)
	})
}

func TestDestinationsComeAndGoAtRunTime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		first, second := newSink(t, nil), newSink(t, nil)
		log, records := testkit.CaptureLogger(t)
		b.options.Log = log
		f := b.start()
		a, c := destinationAt(t, "first", first.URL), destinationAt(t, "second", second.URL)
		must(t, f.SetDestinations([]*delivery.Destination{a}))
		b.enqueue(f, shipmentFor("first"))
		first.next(t, patience)
		b.store.settled(t, patience)

		must(t, f.SetDestinations([]*delivery.Destination{c}))
		testkit.Eventually(t, patience, func() error { // until its queue has stopped, what comes is worked or waits
			return equal("queues", fmt.Sprint(f.queues.wanted()), "map[second:16]")
		})
		const warning = "deliveries wait for a destination that is not configured: put it back, or cancel them"
		testkit.Eventually(t, patience, func() error {
			b.enqueue(f, shipmentFor("first"), shipmentFor("second"))
			second.next(t, patience)
			return equal("warnings", len(records.With(warning)), 1)
		})
		states, err := f.Destinations(t.Context())
		must(t, err)
		if len(states) != 2 || states[0].Name != "first" || states[0].Configured || states[0].Waiting == 0 || !states[1].Configured {
			t.Errorf("%+v", states)
		}

		resized := *a
		resized.Concurrency = 1
		must(t, f.SetDestinations([]*delivery.Destination{&resized, c}))
		b.store.settled(t, 2*unknownPause)
		if n := len(records.With(warning)); n != 1 {
			t.Errorf("%d warnings for one destination", n)
		}
	})
}

func TestConcurrencyChangesAtRunTime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		d := destinationAt(t, "app", sink.URL)
		d.Concurrency = 1
		f := b.start(d)
		b.enqueue(f, shipmentsFor("app", 10)...)
		sink.next(t, patience)
		more := *d
		more.Concurrency = 5
		must(t, f.SetDestinations([]*delivery.Destination{&more}))
		release <- struct{}{} // the one under way ends, then the queue is worked with five
		for range 5 {
			sink.next(t, patience)
		}
		close(release)
		b.store.settled(t, patience)
	})
}

func TestBadDestinationsAreRefusedAndTheOldOnesStay(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	good := destinationAt(t, "app", "https://app.example.com")
	f := b.start(good)
	for name, change := range map[string]func(*delivery.Destination){
		"name":        func(d *delivery.Destination) { d.Name = "App Server" },
		"URL":         func(d *delivery.Destination) { d.URL = nil },
		"timeout":     func(d *delivery.Destination) { d.Timeout = 0 },
		"concurrency": func(d *delivery.Destination) { d.Concurrency = 100_000 },
		"attempts":    func(d *delivery.Destination) { d.Retry.Attempts = 0 },
		"twice":       func(*delivery.Destination) {},
	} {
		bad := *good
		change(&bad)
		if f.SetDestinations([]*delivery.Destination{good, &bad}) == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	event := delivery.Event{Source: "apify", Type: "X", Outcome: dedup.OutcomeNew}
	if got := fmt.Sprint(f.Route(event)); got != "[app]" {
		t.Errorf("routes to %s", got)
	}
	event.Outcome = dedup.OutcomeTest
	if got := f.Route(event); got != nil {
		t.Errorf("routes a TEST event to %v", got)
	}
}

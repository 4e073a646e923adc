package forward

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// patience is for what takes milliseconds on a machine that is not busy.
const patience = 20 * time.Second

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestAnEventArrivesAsItCame(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start(destinationAt(t, "app", sink.URL))
		s := shipmentFor("app")
		b.enqueue(f, s)
		got := sink.next(t, patience)
		if string(got.body) != string(s.Body) || got.Get("Content-Type") != s.ContentType {
			t.Errorf("%s: %q", got.Get("Content-Type"), got.body)
		}
		if asked := got.Get("Accept-Encoding"); asked != "" {
			t.Errorf("it asks for %s answers, which it would have to unpack", asked)
		}
		verifier, err := standardwebhooks.NewWebhookRaw(secret)
		must(t, err)
		if err = verifier.Verify(got.body, got.Header); err != nil {
			t.Error(err)
		}
		b.store.settled(t, patience)
		if got := b.store.attempts(s.ID); len(got) != 1 || got[0].State != delivery.Delivered || got[0].Status != 204 {
			t.Errorf("attempts: %+v", got)
		}
	})
}

func TestFailuresAreTriedAgainUntilDelivered(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		var calls atomic.Int32
		sink := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) < 4 {
				w.WriteHeader(http.StatusBadGateway)
				_, _ = w.Write([]byte("not yet"))
			}
		})
		f := b.start(destinationAt(t, "app", sink.URL))
		s := shipmentFor("app")
		b.enqueue(f, s)
		b.store.settled(t, patience)
		attempts := b.store.attempts(s.ID)
		if len(attempts) != 4 || attempts[3].State != delivery.Delivered {
			t.Fatalf("attempts: %+v", attempts)
		}
		for i, got := range sink.all() {
			if got.Get("Webhook-Id") != s.EventID.String() || got.Get("X-Dedup-Attempt") != fmt.Sprint(i+1) {
				t.Errorf("attempt %d: %v", i+1, got.Header)
			}
			if a := attempts[i]; i < 3 && (a.State != delivery.Retrying || string(a.Answer) != "not yet" || a.Number != i+1 || a.Next.IsZero()) {
				t.Errorf("attempt %d: %+v", i+1, a)
			}
		}
	})
}

func TestDeliveriesEndAsDeadLetters(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		broken, gone := newSink(t, status(500)), newSink(t, status(410))
		f := b.start(destinationAt(t, "broken", broken.URL), destinationAt(t, "gone", gone.URL))
		exhausted, unwanted, purged := shipmentFor("broken"), shipmentFor("gone"), shipmentFor("gone")
		purged.BodyPurged, purged.Body = true, nil
		b.enqueue(f, exhausted, unwanted, purged)
		b.store.settled(t, patience)
		for id, want := range map[dedup.ID]struct {
			attempts int
			err      string
		}{
			exhausted.ID: {5, "answered 500"}, unwanted.ID: {1, "410 Gone"}, purged.ID: {1, "nothing to send"},
		} {
			got := b.store.attempts(id)
			if len(got) != want.attempts || got[len(got)-1].State != delivery.Dead || !strings.Contains(got[len(got)-1].Error, want.err) {
				t.Errorf("%s: %+v", want.err, got)
			}
		}
		if n := len(gone.all()); n != 1 {
			t.Errorf("the purged one was sent: %d requests", n)
		}
		testkit.Eventually(t, patience, func() error {
			return equal("jobs left", b.count("SELECT count(*) FROM river_job WHERE state <> 'completed'"), 0)
		})
	})
}

func TestJobsWithoutADeliverableDeliveryJustEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start(destinationAt(t, "app", sink.URL))
		cancelled, held, unknown := shipmentFor("app"), shipmentFor("app"), shipmentFor("app")
		b.store.add(cancelled, held)
		b.store.rows[cancelled.ID].state = delivery.Cancelled
		b.store.rows[held.ID].state = delivery.Held
		for _, s := range []delivery.Shipment{cancelled, held, unknown} {
			b.jobsFor(f, s)
		}
		testkit.Eventually(t, patience, func() error {
			return equal("completed jobs", b.count("SELECT count(*) FROM river_job WHERE state = 'completed'"), 3)
		})
		if n := len(sink.all()); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// An operator calls a delivery off and takes it up again while its attempt is under way: the new job waits, whichever
// process works it, and the old one begins nothing any more.
func TestTwoJobsOfOneDeliveryMakeOneRequestAtATime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(w http.ResponseWriter, r *http.Request) {
			if <-release; r.Header.Get("X-Dedup-Attempt") == "1" {
				w.WriteHeader(http.StatusBadGateway)
			}
		})
		free := sync.OnceFunc(func() { close(release) })
		t.Cleanup(free)
		f := b.start(destinationAt(t, "app", sink.URL))
		if b.db.Postgres != nil {
			b.start(destinationAt(t, "app", sink.URL))
		}
		s := shipmentFor("app")
		b.enqueue(f, s)
		sink.next(t, patience)
		for range 3 {
			s = b.store.reopen(s.ID)
			b.jobsFor(f, s)
		}
		testkit.Eventually(t, patience, func() error {
			return equal("postponed jobs", b.count("SELECT count(*) FROM river_job WHERE state IN ('available', 'scheduled') AND metadata ->> 'snoozes' IS NOT NULL"), 1)
		})
		if n := len(sink.all()); n != 1 {
			t.Errorf("%d requests at the same time", n)
		}
		free()
		b.store.settled(t, patience)
		if n := len(sink.all()); n != 2 {
			t.Errorf("%d requests", n)
		}
		testkit.Eventually(t, patience, func() error {
			return equal("completed jobs", b.count("SELECT count(*) FROM river_job WHERE state = 'completed'"), 4)
		})
	})
}

// A bundle of deliveries is one job: each of them goes its own way all the same.
func TestDeliveriesOfOneJobGoTheirOwnWays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		all := shipmentsFor("app", 3*mostInBundle)
		fails, bad := all[1].EventID.String(), all[2].EventID.String()
		sink := newSink(t, func(w http.ResponseWriter, r *http.Request) {
			switch id := r.Header.Get("Webhook-Id"); {
			case id == bad, id == fails && r.Header.Get("X-Dedup-Attempt") != "3":
				w.WriteHeader(http.StatusBadGateway)
			}
		})
		d := destinationAt(t, "app", sink.URL)
		f := b.start(d)
		b.enqueue(f, all...)
		if n := b.count("SELECT count(*) FROM river_job"); n != 3 {
			t.Errorf("%d jobs", n)
		}
		b.store.settled(t, patience)
		for i, s := range all {
			want, state := 1, delivery.Delivered
			switch i {
			case 1:
				want = 3
			case 2:
				want, state = d.Retry.Attempts, delivery.Dead
			}
			if got := b.store.attempts(s.ID); len(got) != want || b.store.state(s.ID) != state {
				t.Errorf("delivery %d is %s after %d attempts", i, b.store.state(s.ID), len(got))
			}
		}
	})
}

// What waits of a bundle stays in its job, and what is done is not looked at again.
func TestOnlyWhatWaitsStaysInAJob(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start()
		all := shipmentsFor("app", 4)
		b.enqueue(f, all...)
		waiting, other := all[1], 7
		b.store.mu.Lock()
		b.store.rows[waiting.ID].underWay = &other // of another job, somewhere
		b.store.mu.Unlock()
		must(t, f.SetDestinations([]*delivery.Destination{destinationAt(t, "app", sink.URL)}))
		testkit.Eventually(t, patience, func() error {
			states, err := f.Destinations(t.Context())
			must(t, err)
			return equal("waiting", states[0].Waiting, 1)
		})
		if n := b.count("SELECT count(*) FROM river_job WHERE CAST(args AS text) LIKE '%" + waiting.ID.String() + "%'"); b.db.Postgres != nil && n != 1 {
			t.Errorf("%d jobs hold it", n)
		}
		b.store.mu.Lock()
		b.store.rows[waiting.ID].underWay = nil
		b.store.mu.Unlock()
		b.store.settled(t, patience)
	})
}

// A panic ends one attempt, not the process: the others go on, and its place and its permit are free again.
func TestAPanicCostsOneAttempt(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	sink := newSink(t, nil)
	log, records := testkit.CaptureLogger(t)
	b.options.Log = log
	d := destinationAt(t, "app", sink.URL)
	d.Concurrency = 1
	f := b.forwarder()
	must(t, f.SetDestinations([]*delivery.Destination{d}))
	var once atomic.Bool
	f.routes.Load().byName["app"].sender.transport.Proxy = func(*http.Request) (*url.URL, error) {
		if once.CompareAndSwap(false, true) {
			panic("a defect")
		}
		return nil, nil //nolint:nilnil // no proxy
	}
	b.run(f)
	b.enqueue(f, shipmentsFor("app", 5)...)
	testkit.Eventually(t, patience, func() error { return equal("delivered", b.store.counts()[delivery.Delivered], 4) })
	if n := len(records.With("handing on a delivery has panicked, it is tried again")); n != 1 {
		t.Errorf("%d lines", n)
	}
	testkit.Eventually(t, patience, func() error { // it is postponed, and begins anew with the next life of its job
		return equal("postponed jobs", b.count("SELECT count(*) FROM river_job WHERE state = 'scheduled'"), 1)
	})
	b.exec("UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'scheduled'")
	b.store.settled(t, patience)
}

// A process that can't give signs of life stops its attempts before another one takes their jobs.
func TestAProcessThatCannotBeHeardCutsItsAttempts(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	release := make(chan struct{})
	sink := newSink(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	d := destinationAt(t, "app", sink.URL)
	d.Timeout = time.Minute
	f := b.forwarder()
	f.keeper.jobs = deafJobs{f.keeper.jobs}
	must(t, f.SetDestinations([]*delivery.Destination{d}))
	b.run(f)
	s := shipmentFor("app")
	b.enqueue(f, s)
	sink.next(t, patience)
	began := time.Now()
	testkit.Eventually(t, patience, func() error { return equal("attempts", len(b.store.attempts(s.ID)) > 0, true) })
	if got := b.store.attempts(s.ID)[0]; got.State != delivery.Retrying || !strings.Contains(got.Error, errSilent.Error()) {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took < b.options.RescueAfter/2 {
		t.Errorf("cut after %s", took)
	}
}

// deafJobs lets nobody say that a job goes on.
type deafJobs struct{ jobs }

func (deafJobs) keep(context.Context, []int64) error { return errDown }

func TestWithoutACommitThereIsNoJob(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	f := b.start()
	tx, err := b.db.Postgres.Begin(t.Context())
	must(t, err)
	must(t, f.EnqueuePostgres(t.Context(), tx, []delivery.Due{shipmentFor("app").Due}))
	must(t, tx.Rollback(t.Context()))
	if n := b.count("SELECT count(*) FROM river_job"); n != 0 {
		t.Errorf("%d jobs", n)
	}
	must(t, f.EnqueuePostgres(t.Context(), nil, nil)) // nothing due, nothing asked
	if f.EnqueueSQLite(t.Context(), nil, nil) == nil {
		t.Error("SQLite is taken for PostgreSQL")
	}
}

func TestASlowDestinationHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		slow := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		quick := newSink(t, nil)
		d := destinationAt(t, "slow", slow.URL)
		d.Concurrency = 2
		f := b.start(d, destinationAt(t, "quick", quick.URL))
		b.enqueue(f, shipmentsFor("slow", 10)...)
		slow.next(t, patience)
		slow.next(t, patience)
		b.enqueue(f, shipmentsFor("quick", 50)...)
		for range 50 {
			quick.next(t, patience)
		}
		if n := len(slow.all()); n != 2 {
			t.Errorf("%d attempts at once, although two are allowed", n)
		}
		testkit.Eventually(t, patience, func() error { return equal("delivered", b.store.counts()[delivery.Delivered], 50) })
		if n := b.store.counts()[delivery.Delivering]; n != 2 {
			t.Errorf("%d deliveries say that they are under way", n)
		}
		close(release)
		b.store.settled(t, patience)
	})
}

func TestOrderedDeliveriesWaitForEarlierOnes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		var fails atomic.Int32
		sink := newSink(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Dedup-Seq") == "1" && fails.Add(1) < 3 {
				w.WriteHeader(http.StatusInternalServerError)
			}
			if r.Header.Get("X-Dedup-Seq") == "2" {
				w.WriteHeader(http.StatusGone) // a dead one holds up nobody
			}
		})
		d := destinationAt(t, "app", sink.URL)
		d.Ordered = true
		f := b.start(d)
		run := dedup.RunRef{ID: "run"}
		var all []delivery.Shipment
		for _, seq := range []int64{3, 2, 1} {
			s := shipmentFor("app")
			s.Run, s.Seq = run, seq
			all = append(all, s)
		}
		b.enqueue(f, all...)
		b.store.settled(t, patience)
		var got string
		for _, r := range sink.all() {
			got += r.Get("X-Dedup-Seq")
		}
		if got != "11123" {
			t.Errorf("arrived in the order %s", got)
		}
		if n := len(b.store.attempts(all[0].ID)); n != 1 {
			t.Errorf("waiting burnt %d attempts", n-1)
		}
	})
}

func TestAnOpenBreakerBurnsNoAttempts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		var well atomic.Bool
		sink := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
			if !well.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		b.options.Breaker = Breaker{Failures: 3, Wait: 300 * time.Millisecond}
		seen := make(chan BreakerState, 1000)
		b.options.Observer = breakerObserver{states: seen}
		d := destinationAt(t, "app", sink.URL)
		d.Concurrency, d.Retry.Attempts = 2, 100
		f := b.start(d)
		b.enqueue(f, shipmentsFor("app", 20)...)
		for range 4 { // closed, open, half-open, open again
			<-seen
		}
		if n := len(sink.all()); n > 8 {
			t.Errorf("%d attempts although the breaker opens after 3", n)
		}
		states, err := f.Destinations(t.Context())
		must(t, err)
		// A job that is about to end counts beside those that go on.
		if len(states) != 1 || states[0].Waiting < 20 || states[0].Waiting > 40 || states[0].Breaker == BreakerClosed {
			t.Errorf("%+v", states)
		}
		well.Store(true)
		b.store.settled(t, patience)
		if n := b.store.counts()[delivery.Delivered]; n != 20 {
			t.Errorf("%d delivered", n)
		}
	})
}

// The one attempt that a half-open breaker allows may find nothing to send: then the next one may try.
func TestAnUnusedProbeIsHandedBack(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	var well atomic.Bool
	sink := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	b.options.Breaker = Breaker{Failures: 1, Wait: 100 * time.Millisecond}
	seen := make(chan BreakerState, 1000)
	b.options.Observer = breakerObserver{states: seen}
	f := b.start()
	first := shipmentFor("app")
	b.enqueue(f, first)
	d := destinationAt(t, "app", sink.URL)
	d.Retry.Attempts = 1
	must(t, f.SetDestinations([]*delivery.Destination{d}))
	for <-seen != BreakerOpen {
	}
	well.Store(true)
	for range 3 {
		b.jobsFor(f, first) // dead by now: nothing to send
	}
	testkit.Eventually(t, patience, func() error {
		return equal("completed jobs", b.count("SELECT count(*) FROM river_job WHERE state = 'completed'"), 4)
	})
	second := shipmentFor("app")
	b.enqueue(f, second)
	testkit.Eventually(t, patience, func() error { return equal("second", b.store.state(second.ID), delivery.Delivered) })
}

type breakerObserver struct {
	nobody
	states chan BreakerState
}

func (o breakerObserver) BreakerChanged(_ string, s BreakerState) { o.states <- s }

func TestTheRateIsKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		d := destinationAt(t, "app", sink.URL)
		d.Rate = 50
		f := b.start(d)
		b.enqueue(f, shipmentsFor("app", 40)...)
		b.store.settled(t, patience)
		requests := sink.all()
		if took := requests[39].at.Sub(requests[0].at); took < 700*time.Millisecond {
			t.Errorf("40 at 50 a second in %s", took)
		}
		if b.store.begins > 0 && len(requests) != 40 {
			t.Errorf("%d requests", len(requests))
		}
	})
}

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

func TestAfterA2xxThereIsNoSecondRequestWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { b.store.fail(errDown) })
		f := b.start(destinationAt(t, "app", sink.URL))
		s := shipmentFor("app")
		b.enqueue(f, s)
		sink.next(t, patience)
		wait(t.Context(), 5*b.options.RescueAfter/2) // longer than a job may be silent
		b.store.fail(nil)
		b.store.settled(t, patience)
		if got := b.store.attempts(s.ID); len(got) != 1 || len(sink.all()) != 1 {
			t.Errorf("%d requests, attempts %+v", len(sink.all()), got)
		}
	})
}

func TestJobsOfADeadProcessAreTakenUp(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	sink := newSink(t, nil)
	f := b.start()
	b.enqueue(f, shipmentsFor("app", 20)...)
	// What a process leaves behind that was killed in the middle of its attempts.
	b.exec("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = '{dead}'")
	died := time.Now()
	must(t, f.SetDestinations([]*delivery.Destination{destinationAt(t, "app", sink.URL)}))
	b.store.settled(t, patience)
	if took := time.Since(died); took < b.options.RescueAfter {
		t.Errorf("taken up after %s: too early", took)
	}
	if n := len(sink.all()); n != 20 {
		t.Errorf("%d requests", n)
	}
	testkit.Eventually(t, patience, func() error {
		return equal("open jobs", b.count("SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'discarded')"), 0)
	})
	if n := b.count("SELECT count(*) FROM river_job WHERE state = 'discarded' AND errors[1] ->> 'error' LIKE 'its process%'"); n != 2 {
		t.Errorf("%d jobs of the dead process are over", n)
	}
}

func TestARestartOfTheOnlyProcessTakesUpItsJobsAtOnce(t *testing.T) {
	t.Parallel()
	b := sqliteBed(t)
	b.options.RescueAfter = time.Hour
	sink := newSink(t, nil)
	f, err := New(b.options)
	must(t, err)
	b.enqueue(f, shipmentFor("app"))
	b.exec("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = strftime('%Y-%m-%d %H:%M:%f', 'now')")
	b.start(destinationAt(t, "app", sink.URL))
	b.store.settled(t, patience)
}

// A long attempt gives signs of life: another process leaves it alone.
func TestLongAttemptsAreLeftToTheirProcess(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	release := make(chan struct{})
	sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
	d := destinationAt(t, "app", sink.URL)
	d.Timeout = patience
	one := b.start(d)
	b.start(d)
	s := shipmentFor("app")
	b.enqueue(one, s)
	sink.next(t, patience)
	wait(t.Context(), 4*b.options.RescueAfter)
	close(release)
	b.store.settled(t, patience)
	if n := len(sink.all()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestStopLetsAttemptsEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		f := b.start(destinationAt(t, "app", sink.URL))
		b.enqueue(f, shipmentsFor("app", 30)...)
		for range 8 {
			sink.next(t, patience)
		}
		stopped := make(chan error)
		go func() { stopped <- f.Stop(t.Context()) }()
		<-f.stopping
		close(release)
		must(t, <-stopped)
		if n := b.store.counts(); n[delivery.Delivering] != 0 || n[delivery.Delivered] != len(sink.all()) {
			t.Errorf("%v after %d requests", n, len(sink.all()))
		}
		if n := b.count("SELECT count(*) FROM river_job WHERE state = 'running'"); n != 0 {
			t.Errorf("%d jobs are left running", n)
		}
		if f.Stop(t.Context()) == nil {
			t.Error("it was stopped twice")
		}
	})
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		d := destinationAt(t, "app", sink.URL)
		d.Timeout = time.Minute
		f := b.start(d)
		s := shipmentFor("app")
		b.enqueue(f, s)
		sink.next(t, patience)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		must(t, f.Stop(ctx))
		close(release)
		got := b.store.attempts(s.ID)
		if len(got) != 1 || got[0].State != delivery.Retrying || !strings.Contains(got[0].Error, "the gateway had to stop") {
			t.Errorf("attempts %+v", got)
		}
		b.start(d)
		b.store.settled(t, patience)
	})
}

func TestStopGivesUpOnADeadStore(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	sink := newSink(t, func(http.ResponseWriter, *http.Request) { b.store.fail(errDown) })
	d := destinationAt(t, "app", sink.URL)
	f := b.start(d)
	s := shipmentFor("app")
	b.enqueue(f, s)
	sink.next(t, patience)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := f.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	b.store.fail(nil)
	sink.Config.Handler = status(204)
	b.start(d)
	b.store.settled(t, patience)
}

// It does not run in parallel: goroutines of other tests would count.
func TestNothingRunsAfterAStop(t *testing.T) { //nolint:paralleltest // see above
	for _, b := range []*bed{postgresBed(t), sqliteBed(t)} {
		before := goleak.IgnoreCurrent()
		for range 3 {
			sink := newSink(t, nil)
			f := b.start(destinationAt(t, "app", sink.URL), destinationAt(t, "other", sink.URL))
			_, err := f.UI("/river")
			must(t, err)
			b.enqueue(f, shipmentsFor("app", 10)...)
			b.store.settled(t, patience)
			must(t, f.Stop(t.Context()))
			sink.Close()
		}
		goleak.VerifyNone(t, before)
	}
}

func TestAForwarderThatWasNeverStartedStops(t *testing.T) {
	t.Parallel()
	b := sqliteBed(t)
	f, err := New(b.options)
	must(t, err)
	must(t, f.Stop(t.Context()))
}

func TestWithdrawnJobsAreNotWorked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start()
		kept, taken := shipmentFor("app"), shipmentFor("app")
		b.enqueue(f, kept, taken)
		if b.db.Postgres != nil {
			tx, err := b.db.Postgres.Begin(t.Context())
			must(t, err)
			must(t, f.WithdrawPostgres(t.Context(), tx, []dedup.ID{taken.ID}))
			must(t, tx.Commit(t.Context()))
		} else {
			tx, err := b.db.SQLite.BeginTx(t.Context(), nil)
			must(t, err)
			must(t, f.WithdrawSQLite(t.Context(), tx, []dedup.ID{taken.ID}))
			must(t, tx.Commit())
		}
		must(t, f.SetDestinations([]*delivery.Destination{destinationAt(t, "app", sink.URL)}))
		testkit.Eventually(t, patience, func() error { return equal("kept", b.store.state(kept.ID), delivery.Delivered) })
		testkit.Eventually(t, patience, func() error {
			return equal("open jobs", b.count("SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled')"), 0)
		})
		if got := b.store.state(taken.ID); got != delivery.Pending {
			t.Errorf("the other one is %s", got)
		}
	})
}

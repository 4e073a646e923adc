package forward

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

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

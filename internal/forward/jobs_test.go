package forward

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

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
		f := b.start()
		b.enqueue(f, all...)
		if n := b.count("SELECT count(*) FROM river_job"); n != 3 {
			t.Errorf("%d jobs", n)
		}
		must(t, f.SetDestinations([]*delivery.Destination{d}))
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

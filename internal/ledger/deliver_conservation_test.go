package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// byOutcome routes so that each outcome has destinations of its own.
func byOutcome(e delivery.Event) []delivery.Route {
	switch e.Outcome {
	case dedup.OutcomeNew:
		return []delivery.Route{{Destination: "app"}, {Destination: "audit"}, {Destination: "verified", Hold: true}}
	case dedup.OutcomeUpdated:
		return []delivery.Route{{Destination: "app"}, {Destination: "audit"}}
	case dedup.OutcomeLate:
		return []delivery.Route{{Destination: "audit"}}
	default:
		return nil
	}
}

// expectConserved checks that every event has the deliveries that its outcome gives it, and no other, and that each one
// that is pending has one job.
func expectConserved(t *testing.T, l *Ledger) (deliveries int) {
	t.Helper()
	type place struct {
		event       rowID
		destination string
	}
	var events []eventRow
	var rows []deliveryRow
	var made []string
	err := errors.Join(l.db.Select("id, source, type, outcome").Find(&events).Error, l.db.Find(&rows).Error,
		l.db.Table("jobs").Pluck("delivery_id", &made).Error)
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]int{}
	for _, id := range made {
		jobs[id]++
	}
	missing := map[place]bool{}
	for _, e := range events {
		for _, route := range byOutcome(delivery.Event{Source: e.Source, Type: e.Type, Outcome: dedup.Outcome(e.Outcome)}) {
			missing[place{e.ID, route.Destination}] = route.Hold
		}
	}
	want := len(missing)
	for _, row := range rows {
		at := place{row.EventID, row.Destination}
		held, ok := missing[at]
		delete(missing, at)
		wantJobs := 1
		if held {
			wantJobs = 0
		}
		if !ok || row.Replay != 0 || (row.State == string(delivery.Held)) != held || jobs[row.ID.String()] != wantJobs {
			t.Errorf("delivery of %s to %s: wanted: %t, replay %d, %s, %d jobs", row.EventID, row.Destination, ok, row.Replay, row.State, jobs[row.ID.String()])
		}
		delete(jobs, row.ID.String())
	}
	if len(missing) > 0 || len(jobs) > 0 || len(rows) != want {
		t.Errorf("%d events, %d deliveries, want %d; %d are missing; %d jobs without a delivery", len(events), len(rows), want, len(missing), len(jobs))
	}
	return len(rows)
}

// busyStory is a number of runs that are created, resurrected and end, told by several webhooks in any order, with
// tests and events without a run among them. Twins have receipts of their own.
func busyStory(rng *rand.Rand, runs int) (all []*dedup.Entry) {
	start := time.Now().Add(-time.Hour)
	for n := range runs {
		id := fmt.Sprint("run", n)
		at := start.Add(time.Duration(n) * time.Second)
		created, ended := newEntry(at, dedup.Compose("r", id, "", "C"), id), newEntry(at.Add(time.Minute), dedup.Compose("r", id, "1", "S"), id)
		ended.Type, ended.Status = "ACTOR.RUN.SUCCEEDED", dedup.StatusSucceeded
		ended.Version.Rank, ended.Version.Type = dedup.RankEnd, ended.Type
		test := newEntry(at, dedup.Compose("t", id), "")
		test.Test, test.Type = true, "TEST"
		all = append(all, created, ended, test, newEntry(at, dedup.Compose("d", id), ""))
		all = append(all, repeat(created, time.Second), repeat(ended, time.Second), repeat(ended, 2*time.Second))
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// tellAll records batches from several writers, each again and again until it is stored.
func tellAll(t *testing.T, l *Ledger, all []*dedup.Entry, size int) {
	t.Helper()
	batches := make(chan []*dedup.Entry)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for batch := range batches {
				testkit.Eventually(t, time.Minute, func() error {
					_, _, err := l.Record(t.Context(), batch)
					return err
				})
			}
		})
	}
	for len(all) > 0 {
		n := min(size, len(all))
		batches <- all[:n]
		all = all[n:]
	}
	close(batches)
	writers.Wait()
}

func TestEveryEventHasItsDeliveriesAndEachItsJob(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		forwarding(t, l, byOutcome)
		rng := rand.New(rand.NewPCG(1, 2))
		all := busyStory(rng, 60)
		tellAll(t, l, all, 13)
		n := expectConserved(t, l)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		tellAll(t, l, all, 7) // the same requests again, cut differently
		if again := expectConserved(t, l); again != n {
			t.Errorf("%d deliveries after everything was told again, %d before", again, n)
		}
	})
}

func TestDeliveriesAreConservedWhenConnectionsBreak(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	proxy := testkit.Proxy(t, server.Addr())
	l := openMigrated(t, Options{URL: testkit.Via(t, server.Database(), proxy.Addr())})
	forwarding(t, l, byOutcome)
	ended := make(chan struct{})
	cuts := make(chan int, 1)
	go func() {
		defer close(cuts)
		for n := 0; ; n++ {
			cut := proxy.CutAfter([]string{testkit.Prepared("commit"), `copy "jobs"`, `INSERT INTO "jobs"`, "INSERT INTO deliveries"}[n%4])
			select {
			case <-cut:
				proxy.Heal()
			case <-ended:
				cuts <- n
				return
			}
		}
	}()
	rng := rand.New(rand.NewPCG(3, 4))
	tellAll(t, l, busyStory(rng, 120), 9)
	close(ended)
	if n := <-cuts; n < 4 {
		t.Errorf("only %d connections were cut", n)
	}
	proxy.Heal()
	l.dialect.reconnect(l) // the last cut may have left a connection that nobody has used since
	expectConserved(t, l)
	if strings.Contains(server.Log(), "duplicate key value") { // a COPY that was cut is logged as an error
		t.Error("a unique violation was raised")
	}
}

func TestACrashBetweenCommitAndAnswerMakesNothingTwice(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	proxy := testkit.Proxy(t, server.Addr())
	l := openMigrated(t, Options{URL: testkit.Via(t, server.Database(), proxy.Addr())})
	forwarding(t, l, byOutcome)
	batch, batches := cutOff(t, l, proxy, func(n int) []*dedup.Entry {
		run := fmt.Sprint("run", n)
		return []*dedup.Entry{newEntry(time.Now(), run+"a", run), newEntry(time.Now().Add(time.Second), run+"b", run), newEntry(time.Now(), run+"c", "")}
	})
	testkit.Eventually(t, 20*time.Second, func() error {
		_, _, err := l.Record(t.Context(), batch)
		return err
	})
	mustRecord(t, l, repeat(batch[0], time.Second))
	if n := int64(expectConserved(t, l)); n != 8*batches {
		t.Errorf("%d deliveries of %d batches, want 8 of each", n, batches)
	}
	expectQuietLog(t, server)
}

func TestAnOutboxThatFailsStoresNothing(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"postgres": {URL: testkit.Postgres(t)},
		"sqlite":   {Path: filepath.Join(t.TempDir(), "ledger.db")},
	} {
		l := openMigrated(t, opts)
		l.SetOutbox(&jobs{route: to("app")}) // its table is not there
		e := newEntry(time.Now(), "a", "run")
		if _, _, err := l.Record(t.Context(), []*dedup.Entry{e}); err == nil {
			t.Errorf("%s: an event without its job was stored", name)
		}
		forwarding(t, l, to("app"))
		if v := mustRecord(t, l, e); v[0].Outcome != dedup.OutcomeNew {
			t.Errorf("%s: recorded again: %+v", name, v[0])
		}
	}
}

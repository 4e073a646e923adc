package ledger

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// doubting makes a ledger hold and look up what comes from the source apify as a webhook.
func doubting(t *testing.T, l *Ledger) {
	t.Helper()
	forwarding(t, l, func(e delivery.Event) []delivery.Route {
		hold := e.Source == "apify" && e.Via == dedup.ViaWebhook
		return []delivery.Route{{Destination: "app", Hold: hold}, {Destination: "log"}}
	})
	l.SetDoubt(func(in *dedup.Inbound) (delivery.Lookup, bool) {
		switch {
		case in.Via != dedup.ViaWebhook:
			return delivery.LookupNone, false
		case in.Key.Source == "apify":
			return delivery.LookupDispatch, true
		case in.Key.Source == "unheld":
			return delivery.LookupDispatch, false
		default:
			return delivery.LookupNone, false
		}
	})
}

func claimed(t *testing.T, l *Ledger, most int, lease time.Duration) []delivery.Doubt {
	t.Helper()
	doubts, err := l.ClaimDoubts(t.Context(), most, lease)
	if err != nil {
		t.Fatal(err)
	}
	return doubts
}

// expectDeliveries compares the states of an event's deliveries to app and to log, and the jobs there are for them.
func expectDeliveries(t *testing.T, l *Ledger, event dedup.ID, app, log string, jobs int) {
	t.Helper()
	page, err := l.Deliveries(t.Context(), view.DeliveryQuery{DeliveryFilter: view.DeliveryFilter{EventID: event.String()}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	n := 0
	for _, d := range page.Items {
		got[d.Destination] = d.State
		var count int64
		if err := l.db.Table("jobs").Where("delivery_id = ?", d.ID).Count(&count).Error; err != nil {
			t.Fatal(err)
		}
		n += int(count)
	}
	if got["app"] != app || got["log"] != log || n != jobs {
		t.Errorf("deliveries %v with %d jobs, want app %s, log %s, %d jobs", got, n, app, log, jobs)
	}
}

func TestAnEventIsHeldUntilItIsBelieved(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		doubting(t, l)
		at := time.Now().Add(-time.Minute)
		first := newEntry(at, "r:R1:1:S", "R1")
		first.Generation = "1"
		reconciled, of := newEntry(at, "r:R2:1:S", "R2"), newEntry(at, "r:R3:1:S", "R3")
		reconciled.Via, of.Key.Source = dedup.ViaReconciled, "other"
		v := mustRecord(t, l, first, reconciled, of)
		mustRecord(t, l, repeat(first, time.Second)) // a duplicate raises no doubt
		expectDeliveries(t, l, v[0].EventID, "held", "pending", 1)
		expectDeliveries(t, l, v[1].EventID, "pending", "pending", 2)
		expectDeliveries(t, l, v[2].EventID, "pending", "pending", 2)

		doubts := claimed(t, l, 10, time.Hour)
		want := delivery.Doubt{
			EventID: v[0].EventID, By: delivery.LookupDispatch, Source: "apify", Run: first.Run, Type: first.Type, Generation: "1",
			DispatchID: first.DispatchID, Tries: 1,
		}
		if len(doubts) != 1 || doubts[0] != want {
			t.Fatalf("claimed %+v, want %+v", doubts, want)
		}
		if again := claimed(t, l, 10, time.Hour); len(again) > 0 {
			t.Errorf("claimed twice: %+v", again)
		}
		if b, err := l.Believe(t.Context(), &doubts[0]); err != nil || b != (delivery.Belief{Released: 1}) {
			t.Errorf("believed: %+v, %v", b, err)
		}
		expectDeliveries(t, l, v[0].EventID, "pending", "pending", 2)
		if b, err := l.Believe(t.Context(), &doubts[0]); err != nil || b != (delivery.Belief{}) {
			t.Errorf("believed again: %+v, %v", b, err)
		}
		expectDeliveries(t, l, v[0].EventID, "pending", "pending", 2)
	})
}

func TestAnUnverifiedEventStaysHeldUntilAnOperatorReleasesIt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		doubting(t, l)
		event := mustRecord(t, l, newEntry(time.Now().Add(-time.Minute), "r:R1:1:S", "R1"))[0].EventID
		doubt := &claimed(t, l, 1, 0)[0]
		if unverified, err := l.Disbelieve(t.Context(), doubt, "Apify knows no such dispatch\x00"); err != nil || !unverified {
			t.Fatal(unverified, err)
		}
		if err := l.PostponeDoubt(t.Context(), doubt, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if due := claimed(t, l, 1, 0); len(due) > 0 {
			t.Errorf("looked up again: %+v", due)
		}
		if waiting, unverified, err := l.Doubted(t.Context()); err != nil || waiting != 0 || unverified != 1 {
			t.Errorf("%d waiting, %d unverified, %v", waiting, unverified, err)
		}
		expectDeliveries(t, l, event, "held", "pending", 1)
		changed, err := l.ReleaseDeliveries(t.Context(), view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{EventID: event.String()}},
			view.Act{Actor: "test", Reason: "known to be right"})
		if err != nil || changed.Deliveries != 1 {
			t.Fatal(changed, err)
		}
		expectDeliveries(t, l, event, "pending", "pending", 2)
	})
}

// To call off and to take up again must not be a way around the look-up.
func TestWhatWasCancelledOfAnEventInDoubtIsHeldAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		doubting(t, l)
		at := time.Now().Add(-time.Minute)
		o := &office{t: t, Ledger: l, clock: at}
		v := mustRecord(t, l, newEntry(at, "r:R1:1:S", "R1"), newEntry(at, "r:R2:1:S", "R2"))
		o.believe(&delivery.Doubt{EventID: v[1].EventID}, delivery.Belief{Released: 1})
		o.disbelieve(&delivery.Doubt{EventID: v[0].EventID}, true)
		all := view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Source: "apify"}}
		if _, err := l.CancelDeliveries(t.Context(), all, operator); err != nil {
			t.Fatal(err)
		}
		all.State = "cancelled"
		dry := operator
		dry.DryRun = true
		if done, err := l.RetryDeliveries(t.Context(), all, dry); err != nil || done != (view.Changed{DryRun: true, Deliveries: 4, Held: 2}) {
			t.Errorf("dry run: %+v, %v", done, err)
		}
		if done, err := l.RetryDeliveries(t.Context(), all, operator); err != nil || done != (view.Changed{Deliveries: 4, Held: 2}) {
			t.Errorf("retried: %+v, %v", done, err)
		}
		expectDeliveries(t, l, v[0].EventID, "held", "held", 0)
		expectDeliveries(t, l, v[1].EventID, "pending", "pending", 2)
		if got := o.audit(); got.Action != "deliveries.retry" || !strings.Contains(got.Detail, "2 of them held") {
			t.Errorf("audit: %+v", got)
		}
		released, err := l.ReleaseDeliveries(t.Context(), view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{EventID: v[0].EventID.String()}}, operator)
		if err != nil || released.Deliveries != 2 {
			t.Fatal(released, err)
		}
		expectDeliveries(t, l, v[0].EventID, "pending", "pending", 2)
		o.bury("app") // what was released and sent is the operator's to retry
		if done, err := l.RetryDeliveries(t.Context(), view.DeliverySelection{}, operator); err != nil || done != (view.Changed{Deliveries: 2}) {
			t.Errorf("dead ones retried: %+v, %v", done, err)
		}
		expectDeliveries(t, l, v[0].EventID, "pending", "pending", 2)
	})
}

func TestDoubtsAreDueWhenTheyShould(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		doubting(t, l)
		at := time.Now().Add(-time.Minute)
		later := newEntry(at.Add(time.Second), "r:R2:1:S", "R2")
		v := mustRecord(t, l, newEntry(at, "r:R1:1:S", "R1"), later)
		if due := claimed(t, l, 1, 0); len(due) != 1 || due[0].EventID != v[0].EventID {
			t.Errorf("not the oldest: %+v", due)
		}
		due := claimed(t, l, 10, time.Hour)
		if len(due) != 2 {
			t.Fatalf("a lease of nothing is not over: %+v", due)
		}
		if err := l.PostponeDoubt(t.Context(), &due[1], time.Now()); err != nil {
			t.Fatal(err)
		}
		if due := claimed(t, l, 10, time.Hour); len(due) != 1 || due[0].EventID != v[1].EventID || due[0].Tries != 2 {
			t.Errorf("after a postponement: %+v", due)
		}
	})
}

func TestNoTwoProcessesLookOneEventUp(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	one, other := openMigrated(t, Options{URL: url}), openLedger(t, Options{URL: url})
	doubting(t, one)
	for i := range 40 {
		id := "R" + string(rune('A'+i/10)) + string(rune('0'+i%10))
		mustRecord(t, one, newEntry(time.Now().Add(-time.Minute), "r:"+id+":1:S", id))
	}
	var mu sync.Mutex
	seen := map[dedup.ID]int{}
	var all sync.WaitGroup
	for _, l := range []*Ledger{one, other, one, other} {
		all.Go(func() {
			for range 10 {
				doubts, err := l.ClaimDoubts(t.Context(), 3, time.Hour)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, d := range doubts {
					seen[d.EventID]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 were claimed", len(seen))
	}
}

func TestDoubtsGoWithTheirEvents(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		l.SetDoubt(func(*dedup.Inbound) (delivery.Lookup, bool) { return delivery.LookupRun, true })
		old, young := newEntry(time.Now().Add(-100*day), "r:R1:1:S", "R1"), newEntry(time.Now(), "r:R2:1:S", "R2")
		mustRecord(t, l, old, young, another(old, time.Second, "webhook"), another(young, time.Second, "webhook"))
		if err := l.retain(t.Context(), Retention{Keys: 50 * day}); err != nil {
			t.Fatal(err)
		}
		if waiting, _, err := l.Doubted(t.Context()); err != nil || waiting != 1 {
			t.Errorf("%d doubts are left, want 1: %v", waiting, err)
		}
		if n := (&office{t: t, Ledger: l}).count("retellings"); n != 1 {
			t.Errorf("%d retellings are left, want 1", n)
		}
	})
}

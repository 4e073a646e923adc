package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// another makes a request for the same event that differs in all that a key does not hold.
func another(e *dedup.Entry, after time.Duration, name string) *dedup.Entry {
	r := repeat(e, after)
	r.DispatchID, r.Body, r.ContentType = "dispatch of "+name, []byte("told by "+name), "text/"+name
	r.ActorID, r.TaskID, r.Headers = "actor of "+name, "task of "+name, fmt.Appendf(nil, `{"X":%q}`, name)
	r.OccurredAt = e.ReceivedAt.Add(-time.Hour).Truncate(time.Second)
	return r
}

// forged makes the first request of an event of run R1, by somebody who wants its run to look much resurrected.
func forged(at time.Time) *dedup.Entry {
	e := another(newEntry(at, dedup.Compose("r", "R1", "1", "S"), "R1"), 0, "forger")
	e.Generation, e.Version.Life = "1", 99
	return e
}

// truth makes the true request for the event.
func truth(e *dedup.Entry, after time.Duration) *dedup.Entry {
	r := another(e, after, "apify")
	r.Version.Life = 0
	return r
}

func (o *office) eventRow(id dedup.ID) (row eventRow) {
	o.t.Helper()
	if err := o.db.Where("id = ?", rowID(id)).Take(&row).Error; err != nil {
		o.t.Fatal(err)
	}
	return row
}

func (o *office) count(table string) (n int64) {
	o.t.Helper()
	if err := o.db.Table(table).Count(&n).Error; err != nil {
		o.t.Fatal(err)
	}
	return n
}

// due takes all that is to be looked up: the doubt of the event's first request, if it is due, and those of others.
func (o *office) due() (first *delivery.Doubt, others []delivery.Doubt) {
	o.t.Helper()
	for _, d := range claimed(o.t, o.Ledger, 100, 0) {
		if d.Retelling.IsZero() {
			first = &d
		} else {
			others = append(others, d)
		}
	}
	return first, others
}

func (o *office) believe(d *delivery.Doubt, want delivery.Belief) {
	o.t.Helper()
	if b, err := o.Believe(o.t.Context(), d); err != nil || b != want {
		o.t.Errorf("believed: %+v, %v, want %+v", b, err, want)
	}
}

func (o *office) disbelieve(d *delivery.Doubt, unverified bool) {
	o.t.Helper()
	if got, err := o.Disbelieve(o.t.Context(), d, "Apify knows no such dispatch"); err != nil || got != unverified {
		o.t.Errorf("unverified: %v, %v, want %v", got, err, unverified)
	}
}

func (o *office) doubted(waiting, unverified int64) {
	o.t.Helper()
	if w, u, err := o.Doubted(o.t.Context()); err != nil || w != waiting || u != unverified {
		o.t.Errorf("%d waiting, %d unverified, %v, want %d and %d", w, u, err, waiting, unverified)
	}
}

// aside gives the bodies in quarantine, sorted.
func (o *office) aside() (bodies []string) {
	o.t.Helper()
	var rows []quarantineRow
	if err := o.db.Find(&rows).Error; err != nil {
		o.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Reason != string(dedup.ReasonUnverified) || r.Source != "apify" {
			o.t.Errorf("in quarantine: %s, %s", r.Source, r.Reason)
		}
		bodies = append(bodies, string(r.Body))
	}
	slices.Sort(bodies)
	return bodies
}

func onOffice(t *testing.T, test func(o *office, at time.Time)) {
	t.Helper()
	onEach(t, func(t *testing.T, l *Ledger) {
		doubting(t, l)
		test(&office{t: t, Ledger: l}, time.Now().Add(-time.Minute))
	})
}

func TestATrueRequestTakesTheForgedOnesPlace(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		first := mustRecord(o.t, o.Ledger, lie)[0]
		told := truth(lie, time.Second)
		second := mustRecord(o.t, o.Ledger, told)[0]
		if first.Outcome != dedup.OutcomeNew || !first.InDoubt || second.Outcome != dedup.OutcomeDuplicate || !second.InDoubt || second.EventID != first.EventID {
			o.t.Fatalf("verdicts %+v, %+v", first, second)
		}
		before := o.eventRow(first.EventID)
		doubt, others := o.due()
		want := delivery.Doubt{
			EventID: first.EventID, Retelling: told.ReceiptID, By: delivery.LookupDispatch, Source: "apify", Run: told.Run, Type: told.Type,
			Generation: "1", DispatchID: told.DispatchID, Via: dedup.ViaWebhook, Tries: 1,
		}
		if doubt == nil || doubt.DispatchID != lie.DispatchID || len(others) != 1 || others[0] != want {
			o.t.Fatalf("to be looked up: %+v, %+v, want %+v", doubt, others, want)
		}
		o.disbelieve(doubt, true)
		o.doubted(0, 1)
		expectDeliveries(o.t, o.Ledger, first.EventID, "held", "pending", 1)
		o.believe(&others[0], delivery.Belief{Released: 1, Replaced: true, Out: 1}) // the destination log holds nothing
		o.doubted(0, 0)
		expectDeliveries(o.t, o.Ledger, first.EventID, "pending", "pending", 2)

		after := o.eventRow(first.EventID)
		if !bytes.Equal(after.Body, told.Body) || after.BodyBytes != int64(len(told.Body)) || after.ContentType != told.ContentType ||
			after.Headers != string(told.Headers) || after.DispatchID != told.DispatchID || after.ActorID != told.ActorID || after.TaskID != told.TaskID ||
			!after.OccurredAt.Equal(told.OccurredAt) {
			o.t.Errorf("the event is not the true one: %+v", after)
		}
		if after.FirstReceiptID != before.FirstReceiptID || after.EventKey != before.EventKey || after.Seq != before.Seq || after.Hits != 1 ||
			!after.ReceivedAt.Equal(before.ReceivedAt) {
			o.t.Errorf("the event is another: %+v, was %+v", after, before)
		}
		if got := o.aside(); !slices.Equal(got, []string{"told by forger"}) {
			o.t.Errorf("in quarantine: %q", got)
		}
		entry := o.audit()
		if entry.Action != "events.replace" || entry.Target != first.EventID.String() || !strings.Contains(entry.Detail, told.ReceiptID.String()) {
			o.t.Errorf("audit: %+v", entry)
		}
		run, _ := books{o.t, o.db}.Run("apify", lie.Run)
		if run.Version != told.Version {
			o.t.Errorf("the run shows %+v", run)
		}
		if v := mustRecord(o.t, o.Ledger, repeat(told, time.Second))[0]; v.InDoubt || v.Outcome != dedup.OutcomeDuplicate || v.FirstTag != dedup.DispatchTag(told.DispatchID) {
			o.t.Errorf("a later repeat: %+v", v)
		}
		if o.count("retellings")+o.count("doubts") != 0 {
			o.t.Error("something is left")
		}
	})
}

func TestAForgedRequestBesideATrueOneChangesNothing(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		first := truth(newEntry(at, dedup.Compose("r", "R1", "1", "S"), "R1"), 0)
		event := mustRecord(o.t, o.Ledger, first)[0].EventID
		mustRecord(o.t, o.Ledger, another(first, time.Second, "forger"))
		doubt, others := o.due()
		o.believe(doubt, delivery.Belief{Released: 1})
		if got := o.eventRow(event); !bytes.Equal(got.Body, first.Body) {
			o.t.Errorf("the body is %q", got.Body)
		}
		// It was looked up meanwhile, and what came of it no longer matters.
		o.believe(&others[0], delivery.Belief{})
		o.disbelieve(&others[0], false)
		expectDeliveries(o.t, o.Ledger, event, "pending", "pending", 2)
		if o.count("retellings")+o.count("quarantine") != 0 {
			o.t.Error("something is left")
		}
	})
}

func TestATrueRequestAfterAnObjectionReopensTheQuestion(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		event := mustRecord(o.t, o.Ledger, lie)[0].EventID
		mustRecord(o.t, o.Ledger, another(lie, time.Second, "second forger"))
		doubt, others := o.due()
		o.disbelieve(&others[0], false)
		o.disbelieve(doubt, true)
		o.doubted(0, 1)
		if doubt, others = o.due(); doubt != nil || len(others) > 0 {
			o.t.Fatalf("to be looked up: %+v, %+v", doubt, others)
		}
		o.wantDoubt(event, view.DoubtUnverified)
		mustRecord(o.t, o.Ledger, truth(lie, 2*time.Second))
		_, others = o.due()
		o.believe(&others[0], delivery.Belief{Released: 1, Replaced: true, Out: 1})
		if got := o.aside(); !slices.Equal(got, []string{"told by forger", "told by second forger"}) {
			o.t.Errorf("in quarantine: %q", got)
		}
		o.wantDoubt(event, "")
	})
}

// Else whoever sends one every few seconds hides for as long that Apify did not confirm the event.
func TestAnEventIsUnverifiedWhateverElseIsStillToldOfIt(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		event := mustRecord(o.t, o.Ledger, lie, another(lie, time.Second, "second forger"))[0].EventID
		o.wantDoubt(event, view.DoubtWaiting)
		doubt, others := o.due()
		o.disbelieve(doubt, true)
		mustRecord(o.t, o.Ledger, another(lie, 2*time.Second, "third forger"))
		o.wantDoubt(event, view.DoubtUnverified)
		o.doubted(0, 1)
		o.disbelieve(&others[0], true)
		if _, others = o.due(); len(others) != 1 {
			o.t.Errorf("%d requests are to be looked up, want the third forger's", len(others))
		}
	})
}

func (o *office) wantDoubt(event dedup.ID, want string) {
	o.t.Helper()
	if e, err := o.Event(o.t.Context(), event.String()); err != nil || e.Doubt != want {
		o.t.Errorf("the event is %q, %v, want %q", e.Doubt, err, want)
	}
}

func TestTheSameRequestOverAgainIsNoOther(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		first := truth(newEntry(at, dedup.Compose("r", "R1", "1", "S"), "R1"), 0)
		event := mustRecord(o.t, o.Ledger, first, repeat(first, time.Second))[0].EventID
		mustRecord(o.t, o.Ledger, repeat(first, 2*time.Second))
		doubt, others := o.due()
		if len(others) > 0 {
			o.t.Fatalf("kept: %+v", others)
		}
		o.disbelieve(doubt, true) // too early: Apify had not written it down
		mustRecord(o.t, o.Ledger, repeat(first, 3*time.Second), repeat(first, 4*time.Second))
		_, others = o.due()
		if len(others) != 1 {
			o.t.Fatalf("kept: %+v", others)
		}
		o.believe(&others[0], delivery.Belief{Released: 1})
		expectDeliveries(o.t, o.Ledger, event, "pending", "pending", 2)
		if o.count("quarantine")+o.count("retellings") != 0 {
			o.t.Error("something is left")
		}
	})
}

func TestARequestInTheBatchOfAForgedOneIsKept(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		v := mustRecord(o.t, o.Ledger, lie, truth(lie, time.Millisecond))
		if !v[0].InDoubt || !v[1].InDoubt || v[1].Outcome != dedup.OutcomeDuplicate {
			o.t.Fatalf("verdicts %+v", v)
		}
		_, others := o.due()
		o.believe(&others[0], delivery.Belief{Released: 1, Replaced: true, Out: 1})
		if got := o.eventRow(v[0].EventID); string(got.Body) != "told by apify" {
			o.t.Errorf("the body is %q", got.Body)
		}
	})
}

func TestWhatIsKeptBesideAnEventIsBounded(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		batch := []*dedup.Entry{lie}
		for i := range 40 {
			batch = append(batch, another(lie, time.Duration(i+1)*time.Millisecond, fmt.Sprint("forger", i)))
		}
		for part := range slices.Chunk(batch, 25) {
			mustRecord(o.t, o.Ledger, part...)
		}
		if n := o.count("retellings"); n != mostRetellings {
			o.t.Fatalf("%d are kept, want %d", n, mostRetellings)
		}
		if n := o.count("receipts"); n != 41 {
			o.t.Errorf("%d receipts, want 41", n)
		}
		doubt, others := o.due()
		o.disbelieve(doubt, true)
		found := truth(lie, time.Second)
		found.Via = dedup.ViaReconciled
		if v := mustRecord(o.t, o.Ledger, found)[0]; !v.InDoubt {
			o.t.Errorf("reconciled: %+v", v)
		}
		for i := range others {
			o.disbelieve(&others[i], true)
		}
		if n := o.count("retellings"); n != 1 {
			o.t.Fatalf("%d are kept, want the reconciled one", n)
		}
		mustRecord(o.t, o.Ledger, another(lie, 2*time.Second, "late forger"))
		if n := o.count("retellings"); n != 2 {
			o.t.Errorf("what was looked up made no room: %d are kept", n)
		}
		_, others = o.due()
		o.believe(&others[slices.IndexFunc(others, func(d delivery.Doubt) bool { return d.Via == dedup.ViaReconciled })],
			delivery.Belief{Released: 1, Replaced: true, Out: 1})
	})
}

// An event that nobody held was handed on as it came. Its record can still be put right, by what Apify itself tells.
func TestWithoutHoldOnlyWhatIsReconciledIsKept(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		lie.Key.Source = "unheld"
		v := mustRecord(o.t, o.Ledger, lie, truth(lie, time.Second))
		if v[0].InDoubt || v[1].InDoubt || o.count("retellings") > 0 {
			o.t.Fatalf("verdicts %+v", v)
		}
		doubt, _ := o.due()
		o.disbelieve(doubt, true)
		found := truth(lie, 2*time.Second)
		found.Via = dedup.ViaReconciled
		if v := mustRecord(o.t, o.Ledger, found)[0]; !v.InDoubt {
			o.t.Errorf("reconciled: %+v", v)
		}
		_, others := o.due()
		o.believe(&others[0], delivery.Belief{Replaced: true, Out: 2})
		if got := o.eventRow(v[0].EventID); string(got.Body) != "told by apify" {
			o.t.Errorf("the body is %q", got.Body)
		}
	})
}

func TestABatchRecordedAgainIsStillInDoubt(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		lie := forged(at)
		other := newEntry(at, "r:R2:1:S", "R2")
		other.Key.Source = "other"
		batch := []*dedup.Entry{lie, truth(lie, time.Second), other}
		once := mustRecord(o.t, o.Ledger, batch...)
		again := mustRecord(o.t, o.Ledger, batch...)
		if !slices.Equal(once, again) || !again[0].InDoubt || !again[1].InDoubt || again[2].InDoubt {
			o.t.Errorf("verdicts\n%+v\n%+v", once, again)
		}
		if n := o.count("retellings"); n != 1 {
			o.t.Errorf("%d are kept", n)
		}
	})
}

// Sources that hold nothing pay nothing: the same statements as without any source that does.
func TestOtherSourcesPayNothingForDoubts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		var said []string
		note := func(db *gorm.DB) { said = append(said, db.Statement.SQL.String()) }
		if err := l.db.Callback().Raw().After("gorm:raw").Register("test:note", note); err != nil {
			t.Fatal(err)
		}
		if err := l.db.Callback().Row().After("gorm:row").Register("test:note", note); err != nil {
			t.Fatal(err)
		}
		play := func(source, run string) []string {
			said = nil
			first := newEntry(time.Now(), "r:"+run+":1:S", run)
			first.Key.Source = source
			mustRecord(t, l, first, another(first, time.Second, "twin"))
			mustRecord(t, l, another(first, 2*time.Second, "webhook"))
			return said
		}
		bare := play("other", "R1")
		doubting(t, l)
		l.SetOutbox(nil)
		for _, source := range []string{"other", "unheld"} {
			got := slices.DeleteFunc(play(source, "R"+source), func(sql string) bool { return strings.Contains(sql, "INTO doubts") })
			if !slices.Equal(got, bare) {
				t.Errorf("%s: %d statements, want %d:\n%s", source, len(got), len(bare), strings.Join(got, "\n"))
			}
		}
		if len(bare) < 6 {
			t.Errorf("%d statements were seen", len(bare))
		}
		if held := play("apify", "R3"); len(held) <= len(bare) {
			t.Errorf("a source that holds: %d statements, want more than %d", len(held), len(bare))
		}
	})
}

// Whoever records a request for an event while its doubt is settled finds it settled, or is found by who settles it.
func TestNothingIsKeptBesideAnEventThatIsConfirmedMeanwhile(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	doubting(t, l)
	o := &office{t: t, Ledger: l}
	for round := range 40 {
		id := fmt.Sprint("R", round)
		lie := another(newEntry(time.Now().Add(-time.Minute), dedup.Compose("r", id, "1", "S"), id), 0, "forger")
		mustRecord(t, l, lie, truth(lie, time.Second), another(lie, time.Second, "second webhook"))
		first, confirmed := o.due()
		want := 1
		if round%2 == 0 { // the first was the true one
			confirmed, want = []delivery.Doubt{*first}, 0
		}
		beliefs := make([]delivery.Belief, len(confirmed))
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				late := another(lie, 2*time.Second, fmt.Sprint("late", i))
				if err := uncontended(func() error { _, _, err := l.Record(t.Context(), []*dedup.Entry{late}); return err }); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range confirmed {
			all.Go(func() {
				err := uncontended(func() (err error) { beliefs[i], err = l.Believe(t.Context(), &confirmed[i]); return err })
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		replaced := 0
		for _, b := range beliefs {
			if b.Replaced {
				replaced++
			}
		}
		if replaced != want || o.count("retellings") != 0 || o.count("doubts") != 0 {
			t.Fatalf("round %d: %d have replaced the first, %d kept, %d doubts", round, replaced, o.count("retellings"), o.count("doubts"))
		}
	}
}

// Else whoever invents a run's first event keeps back all that is true of the run.
func TestWhatIsUnverifiedHoldsUpNoLaterEventOfItsRun(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		v := mustRecord(o.t, o.Ledger, newEntry(at, dedup.Compose("r", "R1", "", "C"), "R1"), newEntry(at.Add(time.Second), dedup.Compose("r", "R1", "1", "S"), "R1"))
		var later []rowID
		if err := o.db.Table("deliveries").Where("event_id = ? AND destination = 'app'", rowID(v[1].EventID)).Pluck("id", &later).Error; err != nil || len(later) == 0 {
			o.t.Fatalf("%d deliveries, %v", len(later), err)
		}
		blocked := func() int {
			ids := make([]dedup.ID, len(later))
			for i, id := range later {
				ids[i] = dedup.ID(id)
			}
			waiting, err := o.Blocked(o.t.Context(), ids)
			if err != nil {
				o.t.Fatal(err)
			}
			return len(waiting)
		}
		before := blocked()
		o.disbelieve(&delivery.Doubt{EventID: v[0].EventID}, true)
		if after := blocked(); before == 0 || after != 0 {
			o.t.Errorf("%d deliveries wait while the first event is in doubt, %d once it is unverified", before, after)
		}
	})
}

// What Apify has not confirmed is not handed on by the way of a replay or a new destination either.
func TestReplaysOfAnEventInDoubtAreHeld(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		v := mustRecord(o.t, o.Ledger, forged(at), newEntry(at, dedup.Compose("r", "R2", "1", "S"), "R2"))
		o.believe(&delivery.Doubt{EventID: v[1].EventID}, delivery.Belief{Released: 1})
		done, err := o.Replay(o.t.Context(), view.ReplaySelection{Range: view.Range{Since: at.Add(-time.Hour)}}, operator)
		if err != nil || done.Deliveries != 4 || done.Held != 2 {
			o.t.Fatalf("%+v, %v", done, err)
		}
		want := map[string]int{
			"app held 0": 1, "log pending 0": 2, "app held 1": 1, "log held 1": 1, // of the one in doubt
			"app pending 0": 1, "app pending 1": 1, "log pending 1": 1,
		}
		o.expect("replayed", want)
		o.believe(&delivery.Doubt{EventID: v[0].EventID}, delivery.Belief{Released: 3})
		o.expect("believed", map[string]int{"app pending 0": 2, "log pending 0": 2, "app pending 1": 2, "log pending 1": 2})
		if n := o.jobs(); n != 8 {
			o.t.Errorf("%d jobs", n)
		}
	})
}

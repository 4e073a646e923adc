package ledger

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// toldAlso is what a repeat of an event told, some time after it.
func toldAlso(event dedup.ID, after time.Duration, body string) dedup.OtherBody {
	at := event.Time().Add(after)
	return dedup.OtherBody{
		EventID: event, ReceiptID: dedup.NewID(at), ReceivedAt: at, DispatchID: "another", ContentType: "application/json", Body: []byte(body),
	}
}

// keep keeps bodies and checks how many of them were.
func keep(t *testing.T, l *Ledger, want, most int, offered ...dedup.OtherBody) {
	t.Helper()
	l.SetOtherBodies(func() int { return most })
	if kept, err := l.KeepOtherBodies(t.Context(), offered); err != nil || kept != want {
		t.Errorf("kept %d, %v, want %d", kept, err, want)
	}
}

// otherBodies are the texts kept beside an event, in the order of the list.
func otherBodies(t *testing.T, l *Ledger, event dedup.ID) (bodies []string) {
	t.Helper()
	list, err := l.OtherBodies(t.Context(), event.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		b, err := l.OtherBody(t.Context(), event.String(), o.ReceiptID)
		if err != nil || int64(len(b.Bytes)) != o.BodyBytes || b.ContentType != o.ContentType {
			t.Errorf("%d bytes of %s, %v, want what is listed: %+v", len(b.Bytes), b.ContentType, err, o)
		}
		bodies = append(bodies, string(b.Bytes))
	}
	if e, err := l.Event(t.Context(), event.String()); err != nil || e.OtherBodies != int64(len(list)) {
		t.Errorf("the event tells of %d, %v, listed are %d", e.OtherBodies, err, len(list))
	}
	return bodies
}

func wantOtherBodies(t *testing.T, l *Ledger, event dedup.ID, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, otherBodies(t, l, event)); diff != "" {
		t.Errorf("beside the event (-want +got):\n%s", diff)
	}
}

// newEvent records an event and gives its id and body.
func newEvent(t *testing.T, l *Ledger, key string) (dedup.ID, string) {
	t.Helper()
	e := newEntry(time.Now().Add(-time.Minute), key, "R1")
	return mustRecord(t, l, e)[0].EventID, string(e.Body)
}

func TestABodyThatDiffersFromItsEventsIsKeptOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		id, own := newEvent(t, l, dedup.Compose("r", "R1", "1", "S"))
		silent, _ := newEvent(t, l, dedup.Compose("r", "R1", "2", "S"))
		keep(t, l, 0, 4)
		keep(t, l, 0, 4, toldAlso(id, 1, own))
		keep(t, l, 2, 4, toldAlso(id, 3*time.Second, "b"), toldAlso(id, time.Second, ""), toldAlso(id, 4*time.Second, "b"))
		keep(t, l, 0, 4, toldAlso(id, 5*time.Second, "b"), toldAlso(id, 6*time.Second, own), toldAlso(id, 7*time.Second, ""))
		wantOtherBodies(t, l, id, "", "b")
		wantOtherBodies(t, l, silent)

		timeline, err := l.Timeline(t.Context(), "", "", "R1")
		if err != nil || len(timeline.Events) != 2 || timeline.Events[0].OtherBodies+timeline.Events[1].OtherBodies != 2 {
			t.Errorf("%+v, %v", timeline.Events, err)
		}
	})
}

func TestAnOtherBodyTellsItsReceipt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		id, _ := newEvent(t, l, "k")
		told := toldAlso(id, time.Second, "b")
		told.DispatchID, told.ContentType = "d\x00\xff", "text/\x00\xff" // what no database takes as text costs the others nothing
		keep(t, l, 2, 4, told, toldAlso(id, 2*time.Second, "c"))
		list, err := l.OtherBodies(t.Context(), id.String())
		want := view.OtherBody{
			ReceiptID: told.ReceiptID.String(), ReceivedAt: told.ReceivedAt, DispatchID: "d\uFFFD\uFFFD", ContentType: "text/\uFFFD\uFFFD", BodyBytes: 1,
		}
		if err != nil || len(list) != 2 || list[0] != want {
			t.Errorf("%+v, %v, want %+v first", list, err, want)
		}
		other, _ := newEvent(t, l, "another")
		for what, read := range map[string]func() error{
			"of an event that is not there": func() error { return second(l.OtherBodies(t.Context(), dedup.NewID(time.Now()).String())) },
			"of no event":                   func() error { return second(l.OtherBodies(t.Context(), "x")) },
			"by a receipt of no other body": func() error { return second(l.OtherBody(t.Context(), id.String(), id.String())) },
			"beside another event":          func() error { return second(l.OtherBody(t.Context(), other.String(), told.ReceiptID.String())) },
			"by no id":                      func() error { return second(l.OtherBody(t.Context(), id.String(), "x")) },
			"of no event, by its receipt":   func() error { return second(l.OtherBody(t.Context(), "x", told.ReceiptID.String())) },
		} {
			if err := read(); !errors.Is(err, view.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestSoManyOtherBodiesAreKeptAndNoMore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		id, own := newEvent(t, l, "k")
		apart, _ := newEvent(t, l, "apart")
		offer := func(from, to int) (all []dedup.OtherBody) {
			for n := from; n < to; n++ {
				all = append(all, toldAlso(id, time.Duration(n)*time.Second, fmt.Sprint("b", n)))
			}
			return all
		}
		keep(t, l, 0, 0, offer(0, 2)...)
		keep(t, l, 1, 3, offer(0, 1)...)
		// What is there already, and what does not differ, takes nobody's place.
		keep(t, l, 3, 3, append(offer(0, 6), toldAlso(id, 0, own), toldAlso(apart, 0, "b"))...)
		keep(t, l, 0, 3, offer(6, 9)...)
		wantOtherBodies(t, l, id, "b0", "b1", "b2")
		wantOtherBodies(t, l, apart, "b")
	})
}

func TestAnEventWithoutItsBodyGetsNoOther(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		id, _ := newEvent(t, l, "k")
		if err := l.purgeBodies(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		keep(t, l, 0, 4, toldAlso(id, 0, "b"), toldAlso(dedup.NewID(time.Now()), 0, "of nobody"))
		wantOtherBodies(t, l, id)
	})
}

func TestWhatTellsAgainAnEventThatIsHeldIsNotKeptTwice(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		first := forged(at)
		id := mustRecord(o.t, o.Ledger, first)[0].EventID
		keep(o.t, o.Ledger, 0, 4, toldAlso(id, time.Second, "b"))
		doubt, _ := o.due()
		o.believe(doubt, delivery.Belief{Released: 1})
		keep(o.t, o.Ledger, 1, 4, toldAlso(id, time.Second, "b"))
		wantOtherBodies(o.t, o.Ledger, id, "b")
	})
}

// A doubled webhook's requests come within moments: the second one finds the event in doubt.
func TestWhatATwinToldOfAnEventInDoubtIsKeptWhenItIsConfirmed(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		o.SetOtherBodies(func() int { return 2 })
		first := truth(newEntry(at, dedup.Compose("r", "R1", "1", "S"), "R1"), 0)
		same := another(first, time.Second, "twin")
		same.Body = first.Body
		id := mustRecord(o.t, o.Ledger, first, same, another(first, 2*time.Second, "b"), another(first, 3*time.Second, "c"), another(first, 4*time.Second, "d"))[0].EventID
		wantOtherBodies(o.t, o.Ledger, id)
		doubt, _ := o.due()
		o.believe(doubt, delivery.Belief{Released: 1})
		wantOtherBodies(o.t, o.Ledger, id, "told by b", "told by c")
	})
}

func TestAForgedBodyIsNoOtherBody(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		o.SetOtherBodies(func() int { return 4 })
		first := forged(at)
		id := mustRecord(o.t, o.Ledger, first, truth(first, time.Second), another(first, 2*time.Second, "stranger"))[0].EventID
		_, others := o.due()
		o.disbelieve(&others[1], false)
		o.believe(&others[0], delivery.Belief{Released: 1, Replaced: true, Out: 1})
		wantOtherBodies(o.t, o.Ledger, id)
	})
}

// Without hold a repeat's body may have been kept before reconciliation finds that it is the true one.
func TestABodyThatTakesTheEventsPlaceIsNoOtherAnyMore(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, at time.Time) {
		first := forged(at)
		first.Key.Source = "unheld"
		id := mustRecord(o.t, o.Ledger, first)[0].EventID
		found := truth(first, time.Second)
		found.Via = dedup.ViaReconciled
		keep(o.t, o.Ledger, 2, 4, toldAlso(id, 0, string(found.Body)), toldAlso(id, 0, "c"))
		mustRecord(o.t, o.Ledger, found)
		_, others := o.due()
		if len(others) != 1 {
			o.t.Fatalf("to look up: %+v", others)
		}
		if b, err := o.Believe(o.t.Context(), &others[0]); err != nil || !b.Replaced {
			o.t.Fatalf("%+v, %v", b, err)
		}
		wantOtherBodies(o.t, o.Ledger, id, "c")
	})
}

func TestOtherBodiesGoWithTheEventsOwn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, opts Options) {
		l, clock, start := aged(t, opts, 100)
		var batch []*dedup.Entry
		for n := range retentionChunk + 10 { // more than a chunk
			batch = append(batch, newEntry(start, fmt.Sprint("many", n), ""))
		}
		var offered []dedup.OtherBody
		for _, v := range mustRecord(t, l, batch...) {
			offered = append(offered, toldAlso(v.EventID, time.Second, "b"))
		}
		keep(t, l, len(offered), 4, offered...)
		left := func(days int, retention Retention) (n int64) {
			t.Helper()
			*clock = start.Add(time.Duration(days) * day)
			if err := l.maintain(t.Context(), retention); err != nil {
				t.Fatal(err)
			}
			if err := l.db.Table("other_bodies").Count(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := left(9, Retention{Bodies: 10 * day}); n != int64(len(offered)) {
			t.Errorf("%d are left too early", n)
		}
		if n := left(11, Retention{Bodies: 10 * day}); n != 0 {
			t.Errorf("%d are left without their event's body", n)
		}

		kept := newEntry(*clock, "kept with its body", "")
		id := mustRecord(t, l, kept)[0].EventID
		keep(t, l, 1, 4, toldAlso(id, time.Second, "b"))
		if n := left(20, Retention{Keys: 10 * day}); n != 1 {
			t.Errorf("%d are left of an event that is kept", n)
		}
		if n := left(30, Retention{Keys: 10 * day}); n != 0 {
			t.Errorf("%d are left without their event", n)
		}
	})
}

var scansWholeTable = regexp.MustCompile(`Seq Scan on (?:events|other_bodies)\b|(?m)^.*SCAN (e|o)$`)

// The tables have statistics from when they were small or none: each event must be found by its key all the same.
func TestOtherBodiesFindTheirEventsByKey(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		explain, fill, start := "EXPLAIN ", fillPostgres, any(readTime)
		if l.pool == nil {
			explain, fill, start = "EXPLAIN QUERY PLAN ", fillSQLite, readTime.UnixMicro()
		}
		fillTables(t, l, fill, start)
		var offered []dedup.OtherBody
		for n := range 20 {
			offered = append(offered, toldAlso(dedup.NewID(time.UnixMilli(int64(100*n))), 0, "b"))
		}
		plan := planOf(t, l, explain, l.statements.otherBodies, offeredBodies(offered, 4))
		if bad := scansWholeTable.FindString(plan); bad != "" {
			t.Errorf("%s\n%s", bad, plan)
		}
	})
}

package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestRetentionTakesNothingThatIsToBeDelivered(t *testing.T) {
	t.Parallel()
	onBoth(t, retentionOfDeliveries)
}

func retentionOfDeliveries(t *testing.T, opts Options) {
	l, clock, start := aged(t, opts, 100)
	forwarding(t, l, to("app"))
	keep := Retention{Receipts: 10 * day, Bodies: 20 * day, Keys: 30 * day}
	later := func(days int) {
		t.Helper()
		*clock = start.Add(time.Duration(days) * day)
		if err := l.maintain(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
	}
	count := func(table, where string) (n int64) {
		t.Helper()
		if err := l.db.Table(table).Where(where).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	var batch []*dedup.Entry
	for n := range retentionChunk + 10 {
		batch = append(batch, newEntry(start.Add(time.Duration(n)*time.Millisecond), fmt.Sprint("many", n), ""))
	}
	verdicts := mustRecord(t, l, batch...)
	c := &clerk{t: t, l: l}
	open := deliveryOf(t, l, verdicts[5].EventID)
	if _, err := l.Begin(t.Context(), []delivery.Claim{{Delivery: open}}); err != nil {
		t.Fatal(err)
	}
	failed := delivery.Attempt{DeliveryID: open, Number: 1, StartedAt: start, Status: 500}
	if err := l.Finish(t.Context(), []delivery.Result{{Attempt: failed, State: delivery.Retrying, Next: start}}); err != nil {
		t.Fatal(err)
	}
	finishAll(t, l, fmt.Sprintf("id <> '%s'", open))

	all := int64(len(batch))
	later(9)
	if count("attempts", "1=1") != all {
		t.Errorf("attempts were deleted too early")
	}
	later(11)
	if n := count("attempts", "1=1"); n != 1 {
		t.Errorf("%d attempts are left, want that of the delivery that is not over", n)
	}
	later(21)
	if n := count("events", "body IS NOT NULL"); n != 1 || count("events", "1=1") != all {
		t.Errorf("%d bodies are left, want the one that is to be delivered", n)
	}
	later(31)
	if count("events", "1=1") != 1 || count("deliveries", "1=1") != 1 || count("attempts", "1=1") != 1 {
		t.Errorf("left: %d events, %d deliveries, %d attempts; want one of each",
			count("events", "1=1"), count("deliveries", "1=1"), count("attempts", "1=1"))
	}
	c.Cancel(open)
	later(32)
	if n := count("events", "1=1") + count("deliveries", "1=1") + count("attempts", "1=1") + count("attempt_rollups", "1=1"); n != 0 {
		t.Errorf("%d rows are kept for ever", n)
	}
}

func TestABodyThatWasNeededIsPurgedOnceItIsNot(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		start := time.Now().UTC().Truncate(day).Add(-50 * day)
		l.now = func() time.Time { return start.Add(30 * day) }
		forwarding(t, l, to("app"))
		verdicts := mustRecord(t, l, newEntry(start, "a", ""), newEntry(start.Add(time.Second), "b", ""), newEntry(start.Add(2*time.Second), "c", ""))
		bodies := func() (n int64) {
			t.Helper()
			err := l.purgeBodies(t.Context(), l.now().Add(-20*day))
			if err == nil {
				err = l.db.Table("events").Where("body IS NOT NULL").Count(&n).Error
			}
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		c := &clerk{t: t, l: l}
		c.Cancel(deliveryOf(t, l, verdicts[0].EventID))
		c.Cancel(deliveryOf(t, l, verdicts[2].EventID))
		if n := bodies(); n != 1 {
			t.Errorf("%d bodies are kept, want the one that is to be delivered", n)
		}
		c.Cancel(deliveryOf(t, l, verdicts[1].EventID))
		if n := bodies(); n != 0 {
			t.Errorf("%d bodies are kept for ever", n)
		}
		done, err := l.Replay(t.Context(), view.ReplaySelection{Range: view.Range{Since: start}}, view.Act{})
		if err != nil || done.Purged != 3 || done.Deliveries != 0 {
			t.Errorf("a replay without bodies: %+v, error %v", done, err)
		}
	})
}

// deliveryOf is the only delivery of an event.
func deliveryOf(t *testing.T, l *Ledger, event dedup.ID) dedup.ID {
	t.Helper()
	var rows []deliveryRow
	if err := l.db.Where("event_id = ?", rowID(event)).Find(&rows).Error; err != nil || len(rows) != 1 {
		t.Fatalf("%d deliveries, error %v", len(rows), err)
	}
	return dedup.ID(rows[0].ID)
}

// finishAll delivers what fulfils a condition.
func finishAll(t *testing.T, l *Ledger, where string) {
	t.Helper()
	var ids []rowID
	if err := l.db.Model(&deliveryRow{}).Where(where).Pluck("id", &ids).Error; err != nil {
		t.Fatal(err)
	}
	list := make([]delivery.Claim, len(ids))
	results := make([]delivery.Result, len(ids))
	for i, id := range ids {
		list[i].Delivery = dedup.ID(id)
		results[i] = delivery.Result{
			Attempt: delivery.Attempt{DeliveryID: dedup.ID(id), Number: 1, StartedAt: l.now(), Status: 200}, State: delivery.Delivered,
		}
	}
	begun, err := l.Begin(t.Context(), list)
	if err != nil || len(begun.Shipments) != len(list) {
		t.Fatalf("%d of %d begun, error %v", len(begun.Shipments), len(list), err)
	}
	if err = l.Finish(t.Context(), results); err != nil {
		t.Fatal(err)
	}
}

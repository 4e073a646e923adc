package ledger

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

var keepShortly = Retention{Bodies: 20 * day, Keys: 50 * day}

// left records the first request for an event of long ago, which was looked up and not confirmed.
func (o *office) left(key, run string, ago time.Duration) (*dedup.Entry, dedup.ID) {
	o.t.Helper()
	lie := another(newEntry(time.Now().Add(-ago), dedup.Compose("r", key, "1", "S"), run), 0, "forger of "+run)
	event := mustRecord(o.t, o.Ledger, lie)[0].EventID
	o.disbelieve(&delivery.Doubt{EventID: event}, true)
	return lie, event
}

func (o *office) retain() {
	o.t.Helper()
	if err := o.Ledger.retain(o.t.Context(), keepShortly); err != nil {
		o.t.Fatal(err)
	}
}

// expectKept compares what is on record of an event: its row, its body, and the deliveries to app that are held.
func (o *office) expectKept(what string, event dedup.ID, row, body bool, held int64) {
	o.t.Helper()
	var events, bodies, deliveries int64
	for _, c := range []struct {
		n     *int64
		table string
		where string
	}{
		{&events, "events", "id = ?"},
		{&bodies, "events", "id = ? AND body IS NOT NULL"},
		{&deliveries, "deliveries", "event_id = ? AND destination = 'app' AND state = 'held'"},
	} {
		if err := o.db.Table(c.table).Where(c.where, rowID(event)).Count(c.n).Error; err != nil {
			o.t.Fatal(err)
		}
	}
	if events == 1 != row || bodies == 1 != body || deliveries != held {
		o.t.Errorf("%s: %d events, %d bodies, %d held deliveries", what, events, bodies, deliveries)
	}
}

// Anybody can invent events: what was not confirmed goes like what is over. What may be confirmed yet stays.
func TestWhatIsUnverifiedGoesWithTheRetention(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, _ time.Time) {
		_, young := o.left("young", "R1", 10*day)
		_, aging := o.left("aging", "R2", 30*day)
		_, old := o.left("old", "R3", 60*day)
		lie, retold := o.left("retold", "R4", 60*day)
		mustRecord(o.t, o.Ledger, truth(lie, 60*day))
		waiting := mustRecord(o.t, o.Ledger, newEntry(time.Now().Add(-60*day), "r:R5:1:S", "R5"))[0].EventID
		finishAll(o.t, o.Ledger, "destination = 'log'") // nothing is held there
		o.retain()
		o.expectKept("young", young, true, true, 1)
		o.expectKept("aging", aging, true, false, 1)
		o.expectKept("old", old, false, false, 0)
		o.expectKept("told again, and not looked up yet", retold, true, true, 1)
		o.expectKept("not looked up yet", waiting, true, true, 1)
		if n := o.count("doubts"); n != 4 {
			o.t.Errorf("%d doubts are left, want 4", n)
		}
		released, err := o.ReleaseDeliveries(o.t.Context(), view.DeliverySelection{}, operator)
		if err != nil || released.Deliveries != 4 {
			o.t.Errorf("released: %+v, %v", released, err)
		}
	})
}

func TestAConfirmedEventGetsTheBodyBackThatRetentionTook(t *testing.T) {
	t.Parallel()
	onOffice(t, func(o *office, _ time.Time) {
		told, event := o.left("told too early", "R1", 30*day)
		finishAll(o.t, o.Ledger, "destination = 'log'")
		o.retain()
		o.expectKept("purged", event, true, false, 1)
		mustRecord(o.t, o.Ledger, repeat(told, 30*day))
		_, others := o.due()
		o.believe(&others[0], delivery.Belief{Released: 1})
		if got := o.eventRow(event); string(got.Body) != string(told.Body) {
			o.t.Errorf("the body is %q", got.Body)
		}
	})
}

// Between the choice of bodies and their purge an event may be told truly, and confirmed.
func TestABodyIsKeptThatWasConfirmedMeanwhile(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	doubting(t, l)
	o := &office{t: t, Ledger: l}
	lie, event := o.left("R1", "R1", 30*day)
	finishAll(t, l, "destination = 'log'")
	var begun atomic.Bool
	confirm := func(*gorm.DB) {
		if begun.Swap(true) {
			return
		}
		mustRecord(t, l, truth(lie, 30*day))
		_, others := o.due()
		o.believe(&others[0], delivery.Belief{Released: 1, Replaced: true, Out: 1})
	}
	if err := l.db.Callback().Update().Before("gorm:update").Register("test:confirm", confirm); err != nil {
		t.Fatal(err)
	}
	if err := l.retain(t.Context(), keepShortly); err != nil {
		t.Fatal(err)
	}
	if got := o.eventRow(event); string(got.Body) != "told by apify" {
		t.Errorf("the body is %q", got.Body)
	}
}

// Who records a request for an event that is about to be deleted is seen, or finds it gone.
func TestAnEventStaysThatIsToldAgainWhileItIsDeleted(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	doubting(t, l)
	o := &office{t: t, Ledger: l}
	lie, event := o.left("R1", "R1", 60*day)
	finishAll(t, l, "destination = 'log'")
	recording := l.db.Begin()
	defer recording.Rollback()
	row := newRetelling(truth(lie, 60*day).Inbound, event)
	err := recording.Exec("UPDATE events SET hits = hits + 1 WHERE id = ?", rowID(event)).Error
	if err == nil {
		row.DueAt = time.Now()
		err = recording.Create(&row).Error
	}
	if err != nil {
		t.Fatal(err)
	}
	done := background(t, func() {
		if err := uncontended(func() error { return l.deleteKeys(t.Context(), time.Now().Add(-50*day)) }); err != nil {
			t.Error(err)
		}
	})
	testkit.Eventually(t, time.Minute, func() error {
		var waiting int64
		err := l.db.Raw(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting).Error
		if err == nil && waiting == 0 {
			err = errors.New("nobody waits for the row")
		}
		return err
	})
	if err := recording.Commit().Error; err != nil {
		t.Fatal(err)
	}
	<-done
	o.expectKept("told again", event, true, true, 1)
}

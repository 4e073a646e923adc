package ledger

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// A transaction that fails in the middle leaves nothing behind, and its connection is as good as before.
func TestAttemptsThatAreContendedChangeNothing(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t), MaxConnections: 2})
	forwarding(t, l, to("app"))
	id := deliveryOf(t, l, mustRecord(t, l, newEntry(time.Now(), "a", ""))[0].EventID)
	c := &clerk{t: t, l: l}
	claims := []delivery.Claim{{Delivery: id}}
	results := []delivery.Result{{Attempt: delivery.Attempt{DeliveryID: id, Number: 1, StartedAt: time.Now(), Status: 200}, State: delivery.Delivered}}

	whileLocked(t, l, func() {
		for range 3 {
			if _, err := l.Begin(t.Context(), claims); !errors.Is(err, dedup.ErrContended) {
				t.Errorf("begun: %v", err)
			}
		}
	})
	if begun, err := l.Begin(t.Context(), claims); err != nil || len(begun.Shipments) != 1 || begun.Shipments[0].Attempt != 1 {
		t.Fatalf("begun: %+v, error %v", begun, err)
	}
	whileLocked(t, l, func() {
		for range 3 {
			if err := l.Finish(t.Context(), results); !errors.Is(err, dedup.ErrContended) {
				t.Errorf("finished: %v", err)
			}
		}
	})
	if n := len(c.Attempts(id)); n != 0 {
		t.Errorf("%d attempts are stored without their result", n)
	}
	if err := l.Finish(t.Context(), results); err != nil || c.Delivery(id).State != delivery.Delivered {
		t.Errorf("finished: %v", err)
	}
	if made := l.pool.Stat().NewConnsCount(); made > 2 {
		t.Errorf("%d connections were made for two at once", made)
	}
}

// whileLocked has somebody hold all deliveries meanwhile.
func whileLocked(t *testing.T, l *Ledger, do func()) {
	t.Helper()
	err := l.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM deliveries FOR UPDATE").Error; err != nil {
			return err
		}
		do()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPlaceholdersAreNumbered(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "SELECT 1": "SELECT 1", "?": "$1", "a ?::text[] b ? c": "a $1::text[] b $2 c",
		"????????????": "$1$2$3$4$5$6$7$8$9$10$11$12",
	} {
		if got := numbered(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

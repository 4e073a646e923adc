package ledger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// A receipt on its way into the DEFAULT partition while its day's own is attached is refused by PostgreSQL as if its data
// were wrong. It isn't: said to be, the event would end in quarantine.
func TestAPartitionMadeMeanwhileIsNoRejection(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	l := openMigrated(t, Options{URL: dsn})
	other := stranger(t, dsn)
	at := time.Now().UTC().Add(30 * day)
	from := at.Truncate(day)
	for _, statement := range []string{
		"BEGIN", "CREATE TABLE made_meanwhile (LIKE receipts INCLUDING ALL)",
		fmt.Sprintf("ALTER TABLE receipts ATTACH PARTITION made_meanwhile FOR VALUES FROM ('%s') TO ('%s')",
			from.Format(time.RFC3339), from.Add(day).Format(time.RFC3339)),
	} {
		if _, err := other.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	e := newEntry(at, "a", "a")
	answer := make(chan error, 1)
	go func() {
		_, _, err := l.Record(t.Context(), []*dedup.Entry{e})
		answer <- err
	}()
	testkit.Eventually(t, 10*time.Second, func() error {
		var waiting int
		err := stranger(t, dsn).QueryRow(t.Context(),
			"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'receipts_default'::regclass").Scan(&waiting)
		if err == nil && waiting == 0 {
			err = errors.New("nobody waits")
		}
		return err
	})
	if _, err := other.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil && !errors.Is(err, dedup.ErrContended) {
		t.Errorf("a partition made meanwhile gives %v", err)
	}
	if v := mustRecord(t, l, e); v[0].Outcome != dedup.OutcomeNew {
		t.Errorf("recorded again: %+v", v[0])
	}
}

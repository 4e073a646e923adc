package ledger

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// A mark says that the database has an event. When somebody has emptied or replaced the table of events, marks made before
// must not count: they would turn first deliveries into duplicates.
func TestReplacedEventsAreAnotherLife(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	l := openMigrated(t, Options{URL: dsn})
	l.look(t.Context())
	name, operator := l.ID(), stranger(t, dsn)
	for _, statement := range []string{
		"TRUNCATE events",
		"BEGIN; CREATE TABLE restored (LIKE events INCLUDING ALL); DROP TABLE events; ALTER TABLE restored RENAME TO events; COMMIT",
	} {
		before, _ := l.Incarnation()
		if _, err := operator.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		l.look(t.Context())
		after, fresh := l.Incarnation()
		if !fresh || after == before {
			t.Errorf("%s: still %x, fresh %v", statement, after, fresh)
		}
		if l.ID() != name {
			t.Errorf("%s: the database's name changed from %s to %s", statement, name, l.ID())
		}
	}
	// Asking must not wait for whoever is at it.
	if _, err := operator.Exec(t.Context(), "BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	l.look(t.Context())
	if s := l.probe.last.Load(); s.err != nil {
		t.Errorf("the table is locked: %v", s.err)
	}
}

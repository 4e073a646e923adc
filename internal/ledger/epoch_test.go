package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestEveryPartOfTheIdentityCounts(t *testing.T) {
	t.Parallel()
	base := []string{"7312", "00000001", "16384", "public", "0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10"}
	make5 := func(p []string) identity { return newIdentity(p[0], p[1], p[2], p[3], p[4]) }
	was := make5(base)
	for i, part := range []string{"system identifier", "timeline", "database", "schema", "installation"} {
		changed := append([]string(nil), base...)
		changed[i] += "1"
		is := make5(changed)
		if is.incarnation == was.incarnation {
			t.Errorf("another %s is the same incarnation", part)
		}
		if anotherLife := part == "timeline" || part == "installation"; (is.name == was.name) != anotherLife {
			t.Errorf("%s: names %s and %s; a life more of the same database keeps the name, another database has another", part, was.name, is.name)
		}
	}
	if newIdentity("1", "12", "", "", "") == newIdentity("11", "2", "", "", "") {
		t.Error("parts run into each other")
	}
}

func TestDatabasesOfOneServerDiffer(t *testing.T) {
	t.Parallel()
	one, two := openMigrated(t, Options{URL: testkit.Postgres(t)}), openMigrated(t, Options{URL: testkit.Postgres(t)})
	one.look(t.Context())
	two.look(t.Context())
	first, _ := one.Incarnation()
	second, _ := two.Incarnation()
	if first.IsZero() || first == second || one.ID() == "" || one.ID() == two.ID() {
		t.Errorf("incarnations %x and %x, ids %q and %q", first, second, one.ID(), two.ID())
	}
}

func TestAnEpochBumpIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, opts Options) {
		l, operator := openMigrated(t, opts), openLedger(t, opts)
		background(t, func() { l.watch(t.Context()) })
		testkit.Eventually(t, 10*time.Second, l.Ready)
		before, _ := l.Incarnation()
		name := l.ID()
		_, committed, err := l.Record(t.Context(), []*dedup.Entry{newEntry(time.Now(), "a", "a")})
		if err != nil || committed != before {
			t.Fatalf("committed in %x, probed %x, error %v", committed, before, err)
		}

		if err := operator.BumpEpoch(t.Context(), "an operator", "restored a backup"); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, time.Second, func() error {
			if now, fresh := l.Incarnation(); now == before || !fresh {
				return errors.New("still the old incarnation")
			}
			return nil
		})
		now, _ := l.Incarnation()
		if l.ID() != name {
			t.Errorf("the database's name changed from %s to %s", name, l.ID())
		}
		testkit.Eventually(t, 10*time.Second, func() error { // connections in use learn it when they are given back
			_, committed, err := l.Record(t.Context(), []*dedup.Entry{newEntry(time.Now(), "b", "b")})
			if err == nil && committed != now {
				err = fmt.Errorf("commits carry %x, want %x", committed, now)
			}
			return err
		})
		var audit auditRow
		if err := l.db.Where("action = ?", "epoch.bump").Take(&audit).Error; err != nil || audit.Actor != "an operator" {
			t.Errorf("audit %+v, error %v", audit, err)
		}
	})
}

func TestAnOldIncarnationIsNotFresh(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	if inc, fresh := l.Incarnation(); !inc.IsZero() || fresh || l.Ready() == nil {
		t.Error("fresh before anybody has looked")
	}
	l.look(t.Context())
	if _, fresh := l.Incarnation(); !fresh || l.Ready() != nil {
		t.Error("not fresh after a look")
	}
	seen := *l.probe.ok.Load()
	seen.began = seen.began.Add(-freshFor)
	l.probe.ok.Store(&seen)
	if inc, fresh := l.Incarnation(); inc.IsZero() || fresh || l.Ready() == nil {
		t.Error("still fresh after a second")
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	l := openMigrated(t, Options{URL: server.Database()})
	ctx, stop := context.WithCancel(t.Context())
	done := background(t, func() { l.watch(ctx) })
	testkit.Eventually(t, 10*time.Second, l.Ready)

	server.Kill()
	testkit.Eventually(t, 10*time.Second, func() error { return notReady(l) })
	_, _, err := l.Record(t.Context(), []*dedup.Entry{newEntry(time.Now(), "a", "a")})
	if !errors.Is(err, dedup.ErrUnavailable) {
		t.Errorf("a dead database gives %v", err)
	}
	server.Restart()
	testkit.Eventually(t, 10*time.Second, l.Ready)
	mustRecord(t, l, newEntry(time.Now(), "a", "a"))

	var name string
	if err := l.db.Raw("SELECT current_database()").Row().Scan(&name); err != nil {
		t.Fatal(err)
	}
	if err := l.db.Exec("ALTER DATABASE " + name + " SET default_transaction_read_only = on").Error; err != nil {
		t.Fatal(err)
	}
	l.pool.Reset()
	testkit.Eventually(t, 10*time.Second, func() error {
		switch err := l.Ready(); {
		case err == nil:
			return errors.New("still ready")
		case !errors.Is(err, errReadOnly):
			return fmt.Errorf("ready says something else: %w", err)
		}
		return nil
	})
	stop()
	<-done
}

func notReady(l *Ledger) error {
	if l.Ready() == nil {
		return errors.New("still ready")
	}
	return nil
}

func TestAnUnmigratedDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"postgres": {URL: testkit.Postgres(t)},
		"sqlite":   {Path: filepath.Join(t.TempDir(), "ledger.db")},
	} {
		l := openLedger(t, opts)
		l.look(t.Context())
		_, _, err := l.Record(t.Context(), []*dedup.Entry{newEntry(time.Now(), "a", "a")})
		if !errors.Is(l.Ready(), errNotMigrated) || !errors.Is(err, errNotMigrated) || !errors.Is(err, dedup.ErrUnavailable) {
			t.Errorf("%s: ready says %v, record %v", name, l.Ready(), err)
		}
	}
}

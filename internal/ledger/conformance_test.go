package ledger

import (
	"path/filepath"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		l := openMigrated(t, Options{URL: testkit.Postgres(t)})
		deduptest.RunLedger(t, fixture(l))
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		l := openMigrated(t, Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
		deduptest.RunLedger(t, fixture(l))
	})
}

func fixture(l *Ledger) func(t *testing.T) deduptest.LedgerFixture {
	return func(t *testing.T) deduptest.LedgerFixture {
		return deduptest.LedgerFixture{Ledger: l, Hits: l, Books: books{t, l.db}}
	}
}

// openMigrated opens a ledger over a new database and closes it after the test.
func openMigrated(t testing.TB, opts Options) *Ledger {
	t.Helper()
	if _, err := Migrate(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	return openLedger(t, opts)
}

func openLedger(t testing.TB, opts Options) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), opts, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

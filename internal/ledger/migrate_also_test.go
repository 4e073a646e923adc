package ledger

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestWhatElseIsMigratedIsUnderTheSameLock(t *testing.T) {
	t.Parallel()
	opts := Options{URL: testkit.Postgres(t)}
	var inside, calls atomic.Int64
	opts.Also = func(ctx context.Context, h Handles) error {
		if inside.Add(1) != 1 || h.SQLite != nil {
			t.Error("two processes change the schema at once, or by the wrong handle")
		}
		defer inside.Add(-1)
		calls.Add(1)
		// After the ledger's own steps, on connections that may run several statements.
		_, err := h.Postgres.Exec(ctx, "CREATE TABLE IF NOT EXISTS also (id uuid REFERENCES events)")
		return err
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := Migrate(t.Context(), opts); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if calls.Load() != 3 {
		t.Errorf("%d calls, want 3", calls.Load())
	}
	failed := errors.New("no")
	opts.Also = func(context.Context, Handles) error { return failed }
	if _, err := Migrate(t.Context(), opts); !errors.Is(err, failed) {
		t.Errorf("its failure gives %v", err)
	}
}

func TestWhatElseIsMigratedOnSQLite(t *testing.T) {
	t.Parallel()
	opts := Options{Path: t.TempDir() + "/ledger.db"}
	opts.Also = func(ctx context.Context, h Handles) error {
		if h.Postgres != nil {
			t.Error("the wrong handle")
		}
		_, err := h.SQLite.ExecContext(ctx, "CREATE TABLE also (id text)")
		return err
	}
	l := openMigrated(t, opts)
	if err := l.SQLite().QueryRowContext(t.Context(), "SELECT count(*) FROM also").Scan(new(int)); err != nil || l.Postgres() != nil {
		t.Errorf("the table is not there: %v", err)
	}
}

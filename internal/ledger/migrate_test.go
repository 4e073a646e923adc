package ledger

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMigrateUpDownAndStatus(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]func(t *testing.T) Options{
		"postgres": func(t *testing.T) Options { return Options{URL: testkit.Postgres(t)} },
		"sqlite": func(t *testing.T) Options {
			return Options{Path: filepath.Join(t.TempDir(), "a ledger?#%.db")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := opts(t)
			for range 2 { // a second round finds nothing left over
				if applied, err := Migrate(t.Context(), opts); err != nil || len(applied) == 0 {
					t.Fatalf("up: applied %v, error %v", applied, err)
				}
				expectPending(t, opts, false)
				if applied, err := Migrate(t.Context(), opts); err != nil || len(applied) != 0 {
					t.Fatalf("up again: applied %v, error %v", applied, err)
				}
				for {
					undone, err := MigrateDown(t.Context(), opts)
					if err != nil {
						t.Fatal(err)
					}
					if undone == nil {
						break
					}
				}
				expectPending(t, opts, true)
			}
		})
	}
}

func expectPending(t *testing.T, opts Options, pending bool) {
	t.Helper()
	list, err := MigrationStatus(t.Context(), opts)
	if err != nil || len(list) == 0 {
		t.Fatalf("status: %v, error %v", list, err)
	}
	for _, m := range list {
		if m.AppliedAt.IsZero() != pending {
			t.Errorf("%s: applied at %v, want pending: %t", m.Name, m.AppliedAt, pending)
		}
	}
}

func TestReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	opts := Options{URL: server.Database()}
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 3 {
		wg.Go(func() {
			applied, err := Migrate(t.Context(), opts)
			mu.Lock()
			defer mu.Unlock()
			total += len(applied)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := MigrationStatus(t.Context(), opts)
	if err != nil || total != len(list) {
		t.Errorf("%d steps were applied, want each of %d once (error %v)", total, len(list), err)
	}
	expectQuietLog(t, server)
}

package ledger

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestRecordedFindsByRunAndByKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		ofOther := newEntry(readTime, "r:R1:1:S", "R1")
		ofOther.Key.Source = "other"
		mustRecord(t, l,
			newEntry(readTime, "r:R1:1:S", "R1"), newEntry(readTime, "r:R1:2:S", "R1"), newEntry(readTime, "r:R10:1:S", "R10"),
			newEntry(readTime, "b:R1:1:S", ""), newEntry(readTime, "t:D1", ""), newEntry(readTime, "d:D2", ""), ofOther)
		run := func(id string) dedup.RunRef { return dedup.RunRef{Kind: dedup.KindRun, ID: id} }
		var many []dedup.RunRef
		for i := range 3 * recordedChunk {
			many = append(many, run("none"+strconv.Itoa(i)))
		}
		for _, c := range []struct {
			name string
			runs []dedup.RunRef
			keys []string
			want []string
		}{
			{"a run's, not its namesakes'", []dedup.RunRef{run("R1")}, nil, []string{"r:R1:1:S", "r:R1:2:S"}},
			{"a build's", []dedup.RunRef{{Kind: dedup.KindBuild, ID: "R1"}}, nil, []string{"b:R1:1:S"}},
			{"by key", nil, []string{"d:D2", "d:D3"}, []string{"d:D2"}},
			{"both, each once", []dedup.RunRef{run("R1"), run("R1")}, []string{"r:R1:1:S", "t:D1"}, []string{"r:R1:1:S", "r:R1:2:S", "t:D1"}},
			{"more than one query takes", append(many, run("R10")), nil, []string{"r:R10:1:S"}},
			{"nothing", nil, nil, nil},
		} {
			events, err := l.Recorded(t.Context(), "apify", c.runs, c.keys)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var keys []string
			for _, e := range events {
				keys = append(keys, e.Key)
			}
			slices.Sort(keys)
			if !slices.Equal(keys, c.want) {
				t.Errorf("%s: got %q, want %q", c.name, keys, c.want)
			}
		}
	})
}

func TestToldByFindsRepeatsToo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		first, other := newEntry(readTime, "r:R1:1:S", "R1"), newEntry(readTime, "r:R1:2:S", "R1")
		twin := repeat(first, time.Second)
		twin.DispatchID, other.DispatchID = "of-a-twin", "of-another"
		v := mustRecord(t, l, first, other, twin)
		one, two := v[0].EventID.String(), v[1].EventID.String()
		var many []string
		for range 2 * recordedChunk {
			many = append(many, dedup.NewID(readTime).String())
		}
		for _, c := range []struct {
			name, dispatch string
			events         []string
			want           string
		}{
			{"the first", first.DispatchID, []string{two, one}, one},
			{"a repeat", "of-a-twin", []string{two, one}, one},
			{"a repeat, among more than one query takes", "of-a-twin", append(many, one), one},
			{"an event that is not asked about", "of-a-twin", []string{two}, ""},
			{"nobody", "invented", []string{one, two}, ""},
			{"what no receipt holds", "\x00", []string{one}, ""},
			{"no event", "of-a-twin", nil, ""},
		} {
			if got, err := l.ToldBy(t.Context(), c.dispatch, c.events); err != nil || got != c.want {
				t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
			}
		}
		if _, err := l.ToldBy(t.Context(), "of-a-twin", []string{"x"}); !errors.Is(err, view.ErrBadSelection) {
			t.Errorf("no id: %v", err)
		}
	})
}

func TestProgressIsKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		if at, err := l.Progress(t.Context(), "reconcile"); err != nil || !at.IsZero() {
			t.Errorf("of a job that never ran: %v, %v", at, err)
		}
		for _, want := range []time.Time{readTime, readTime.Add(time.Hour)} {
			if err := l.SetProgress(t.Context(), "reconcile", want); err != nil {
				t.Fatal(err)
			}
			if at, err := l.Progress(t.Context(), "reconcile"); err != nil || !at.Equal(want) {
				t.Errorf("got %v, want %v: %v", at, want, err)
			}
		}
	})
}

func TestExclusivelyKeepsOtherProcessesOut(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	one, other := openMigrated(t, Options{URL: url}), openLedger(t, Options{URL: url})
	broken := errors.New("broken")
	ran, err := one.Exclusively(t.Context(), "reconcile", func(ctx context.Context) error {
		for _, l := range []*Ledger{one, other} {
			if ran, err := l.Exclusively(ctx, "reconcile", func(context.Context) error { return nil }); ran || err != nil {
				t.Errorf("a second one ran: %v, %v", ran, err)
			}
		}
		if ran, err := other.Exclusively(ctx, "another job", func(context.Context) error { return nil }); !ran || err != nil {
			t.Errorf("another job was kept out: %v, %v", ran, err)
		}
		return broken
	})
	if !ran || !errors.Is(err, broken) {
		t.Errorf("got %v, %v", ran, err)
	}
	if ran, err = other.Exclusively(t.Context(), "reconcile", func(context.Context) error { return nil }); !ran || err != nil {
		t.Errorf("the lock was not given back: %v, %v", ran, err)
	}
}

func TestExclusivelyEndsWorkThatHasLostItsLock(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	ran, err := l.Exclusively(t.Context(), "reconcile", func(ctx context.Context) error {
		_, err := l.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(testPatience):
			return errors.New("work went on without its lock")
		}
	})
	if !ran || !errors.Is(err, errLockLost) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", ran, err)
	}
	if ran, err = l.Exclusively(t.Context(), "reconcile", func(context.Context) error { return nil }); !ran || err != nil {
		t.Errorf("nobody could go on: %v, %v", ran, err)
	}
}

// testPatience is far longer than anything here takes.
const testPatience = 30 * time.Second

// planRuns are as many runs as are looked up at once.
func planRuns() []dedup.RunRef {
	runs := make([]dedup.RunRef, recordedChunk)
	for i := range runs {
		runs[i] = dedup.RunRef{Kind: dedup.KindRun, ID: "R" + strconv.Itoa(i)}
	}
	return runs
}

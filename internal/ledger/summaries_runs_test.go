package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// stuckRunIDs are the runs that Stuck lists, in its order.
func stuckRunIDs(t *testing.T, l *Ledger, after time.Duration) (ids []string) {
	t.Helper()
	report, err := l.Stuck(t.Context(), view.StuckQuery{Runs: after, Limit: view.MaxLimit})
	if err != nil || report.RunsCut {
		t.Fatalf("%v, cut %v", err, report.RunsCut)
	}
	for _, r := range report.Runs {
		ids = append(ids, r.RunID)
	}
	return ids
}

// tellRun records one event of a run.
func tellRun(t *testing.T, l *Ledger, at time.Time, run string, status dedup.Status, life uint32) {
	t.Helper()
	e := newEntry(at, dedup.Compose("r", run, fmt.Sprint(at.UnixMilli()), string(status)), run)
	e.Status, e.Version.Life = status, life
	switch status {
	case dedup.StatusCreated:
	case dedup.StatusResurrected:
		e.Version.Rank = dedup.RankResurrected
	default:
		e.Version.Rank = dedup.RankEnd
	}
	mustRecord(t, l, e)
}

// The list of open runs is made now and then. Whatever has happened to runs since, the answer is the one without it.
func TestStuckRunsAreTheSameWithAndWithoutTheList(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		start := time.Now().UTC().Truncate(time.Millisecond).Add(-100 * time.Hour)
		clock := start.Add(99 * time.Hour)
		l.now = func() time.Time { return clock }
		for i := range 12 {
			tellRun(t, l, start.Add(time.Duration(i)*time.Minute), fmt.Sprintf("run%02d", i), dedup.StatusCreated, 0)
		}
		for i := 0; i < 12; i += 2 {
			tellRun(t, l, start.Add(time.Hour+time.Duration(i)*time.Minute), fmt.Sprintf("run%02d", i), dedup.StatusSucceeded, 0)
		}
		want := []string{"run01", "run03", "run05", "run07", "run09", "run11"}
		expect := func(when string, want []string) {
			t.Helper()
			if diff := gocmp.Diff(want, stuckRunIDs(t, l, 24*time.Hour)); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
		}
		expect("no list", want)
		mustSummarise(t, l)
		expect("listed", want)

		tellRun(t, l, clock, "run03", dedup.StatusFailed, 0) // has ended since
		want = slices.DeleteFunc(want, func(id string) bool { return id == "run03" })
		expect("one has ended since", want)
		tellRun(t, l, clock, "run00", dedup.StatusResurrected, 1) // is open since
		expect("one was taken up again just now", want)
		if got := stuckRunIDs(t, l, time.Second); slices.Contains(got, "run00") {
			t.Errorf("told just now, and stuck: %v", got)
		}

		clock = clock.Add(30 * time.Minute) // the list is too old for what is asked
		if got := stuckRunIDs(t, l, 20*time.Minute); !slices.Contains(got, "run00") {
			t.Errorf("a list from before it was taken up again is asked: %v", got)
		}
		mustSummarise(t, l)
		if got := stuckRunIDs(t, l, 20*time.Minute); got[0] != "run00" || len(got) != 6 {
			t.Errorf("first seen first, with the one that was taken up again: %v", got)
		}

		clock = start.Add(view.StuckRunsBack + 5*time.Minute + time.Second) // of some it is too long ago
		expect("long after", []string{"run07", "run09", "run11"})
		mustSummarise(t, l)
		expect("long after, listed", []string{"run07", "run09", "run11"})
		var listed int64
		if err := l.db.Table("open_runs").Count(&listed).Error; err != nil || listed != 3 {
			t.Errorf("%d are listed, %v", listed, err)
		}
	})
}

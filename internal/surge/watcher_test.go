package surge_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/surge"
)

var (
	start     = time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
	perMinute = quota.Quota{Count: 100, Per: time.Minute}
)

func repeat(w *surge.Watcher, n int, source, run, dispatch string, at time.Time) {
	for range n {
		w.Repeat(source, run, dispatch, at)
	}
}

func wantStorms(t *testing.T, got []surge.Storm, want ...surge.Storm) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAStormBeginsAndEnds(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(perMinute)
	repeat(w, 100, "apify", "run-1", "dispatch-1", start)
	if storms, began, _ := w.Look(start); storms != nil || began != nil {
		t.Errorf("at the rate: %v", storms)
	}
	w.Repeat("apify", "run-1", "dispatch-2", start.Add(time.Second))
	storm := surge.Storm{By: surge.ByRun, Source: "apify", Name: "run-1", Repeats: 101, Since: start.Add(time.Second)}
	storms, began, _ := w.Look(start.Add(time.Second))
	wantStorms(t, storms, storm)
	wantStorms(t, began, storm)
	storms, began, ended := w.Look(start.Add(5 * time.Second))
	wantStorms(t, storms, storm)
	wantStorms(t, began)
	wantStorms(t, ended)
	storms, _, ended = w.Look(start.Add(time.Minute))
	storm.Repeats = 0
	wantStorms(t, storms)
	wantStorms(t, ended, storm)
}

func TestTheWindowSlides(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(perMinute)
	for i := range 900 { // three a second, for five minutes
		w.Repeat("apify", "run-1", "", start.Add(time.Duration(i)*time.Second/3))
	}
	storms, _, _ := w.Look(start.Add(5 * time.Minute))
	if len(storms) != 1 || storms[0].Repeats < 150 || storms[0].Repeats > 181 {
		t.Errorf("three a second: %+v", storms)
	}
	if storms, _, _ := w.Look(start.Add(6*time.Minute + time.Second)); storms != nil {
		t.Errorf("a minute after: %+v", storms)
	}
}

func TestStormsByDispatchAndSource(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(quota.Quota{Count: 10, Per: time.Second})
	repeat(w, 11, "apify", "", "dispatch-1", start)
	for i := range 500 {
		w.Repeat("other", strconv.Itoa(i), "", start)
	}
	storms, _, _ := w.Look(start)
	wantStorms(t, storms, surge.Storm{By: surge.ByDispatch, Source: "apify", Name: "dispatch-1", Repeats: 11, Since: start})
	w.Repeat("other", "", "", start)
	storms, _, _ = w.Look(start)
	if len(storms) != 2 || storms[0].By != surge.BySource || storms[0].Source != "other" || storms[0].Repeats != 501 {
		t.Errorf("%+v", storms)
	}
}

// Among very many names the large ones are found, none is made up, and memory stays what it was.
func TestTheLargestAreFoundAmongAMillion(t *testing.T) {
	t.Parallel()
	w, random := surge.NewWatcher(quota.Quota{Count: 2000, Per: time.Hour}), rand.New(rand.NewPCG(1, 2))
	for i := range 300_000 {
		w.Repeat("apify", "rare-"+strconv.Itoa(random.IntN(1_000_000)), "", start)
		if i%50 == 0 {
			w.Repeat("apify", "often", "", start)
		}
	}
	storms, _, _ := w.Look(start)
	var runs []surge.Storm
	for _, s := range storms {
		if s.By == surge.ByRun {
			runs = append(runs, s)
		}
	}
	if len(runs) != 1 || runs[0].Name != "often" || runs[0].Repeats > 6000 {
		t.Errorf("found %+v", runs)
	}
}

func TestARateOfZeroFindsNothing(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(quota.Quota{})
	repeat(w, 1000, "apify", "run-1", "", start)
	if storms, _, _ := w.Look(start); storms != nil {
		t.Errorf("%v", storms)
	}
	w.SetRate(perMinute)
	repeat(w, 200, "apify", "run-1", "", start)
	if storms, _, _ := w.Look(start); len(storms) != 1 {
		t.Errorf("with a rate: %v", storms)
	}
	w.SetRate(quota.Quota{})
	if storms, _, ended := w.Look(start); storms != nil || len(ended) != 1 {
		t.Errorf("without again: %v, %v", storms, ended)
	}
}

func TestAClockThatGoesBackHarmsNothing(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(perMinute)
	repeat(w, 101, "apify", "run-1", "", start)
	repeat(w, 101, "apify", "run-2", "", start.Add(-time.Hour))
	if storms, _, _ := w.Look(start); len(storms) != 2 {
		t.Errorf("%v", storms)
	}
}

func TestManyMayCountAtOnce(t *testing.T) {
	t.Parallel()
	w := surge.NewWatcher(perMinute)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			repeat(w, 100, "apify", "run-1", "dispatch-1", start)
			w.Look(start)
		})
	}
	all.Wait()
	storms, _, _ := w.Look(start)
	if len(storms) != 2 || storms[0].Repeats != 400 {
		t.Errorf("%v", storms)
	}
}

// BenchmarkRepeat counts repeats of as many runs as there are counters for, and of many more.
func BenchmarkRepeat(b *testing.B) {
	for _, runs := range []int{1, 200, 10_000} {
		b.Run(strconv.Itoa(runs), func(b *testing.B) {
			w := surge.NewWatcher(perMinute)
			names := make([]string, runs)
			for i := range names {
				names[i] = fmt.Sprintf("ojue2pKv%09d", i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.Repeat("apify", names[i%runs], names[i%runs], start)
			}
		})
	}
}

package advise_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/dedup"
)

// request is one receipt of a replay.
type request struct {
	event int
	at    time.Duration
}

// replay plays receipts, in order of time, against a fast memory with a real window: the first settles, whatever the memory
// has forgotten is told by the database and settles again. A repeat that comes before the first is committed finds no mark.
// It gives the repeats that the memory caught, and what the ledger would have counted.
func replay(requests []request, window, commit time.Duration) (caught int64, lags advise.Lags) {
	first, settled := map[int]time.Duration{}, map[int]time.Duration{}
	for _, r := range requests {
		begin, known := first[r.event]
		if !known {
			first[r.event], settled[r.event] = r.at, r.at+commit
			continue
		}
		lags.Counts[dedup.LagBucket(r.at-begin)]++
		switch mark := settled[r.event]; {
		case r.at < begin+commit:
			lags.InFlight++
		case r.at >= mark && r.at < mark+window:
			caught++
		default:
			settled[r.event] = r.at + commit
		}
	}
	return caught, lags
}

// drawRequests makes a history in order of time: lags spread over all magnitudes, as retries are.
func drawRequests(t *rapid.T) []request {
	var all []request
	events := rapid.IntRange(1, 12).Draw(t, "events")
	for event := range events {
		at := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "first"))
		all = append(all, request{event, at})
		for range rapid.IntRange(0, 12).Draw(t, "repeats") {
			lag := math.Exp(rapid.Float64Range(0, math.Log(float64(60*24*time.Hour/time.Millisecond))).Draw(t, "lag"))
			all = append(all, request{event, at + time.Duration(lag*float64(time.Millisecond)).Truncate(time.Millisecond)})
		}
	}
	sortByTime(all)
	return all
}

func sortByTime(all []request) {
	for i := range all {
		for j := i; j > 0 && all[j].at < all[j-1].at; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
}

func TestTheCurveIsALowerBoundOfWhatAWindowCatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		requests := drawRequests(t)
		window := time.Duration(math.Exp(rapid.Float64Range(0, math.Log(float64(90*24*time.Hour/time.Millisecond))).Draw(t, "window")) * 1e6)
		commit := time.Duration(rapid.IntRange(0, 200).Draw(t, "commit")) * time.Millisecond
		caught, lags := replay(requests, window, commit)
		if promised := lags.Caught(window); promised > caught {
			t.Fatalf("a window of %v caught %d of %d, %d were promised", window, caught, lags.Repeats(), promised)
		}
	})
}

// Without re-settling and without commits in flight, all that the promise lacks is in the bucket that the window ends in.
func TestTheCurveIsExactButForOneBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lags advise.Lags
		var all []time.Duration
		for range rapid.IntRange(1, 60).Draw(t, "repeats") {
			lag := time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "lag"))
			all = append(all, lag)
			lags.Counts[dedup.LagBucket(lag)]++
		}
		window := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(400*24*time.Hour)).Draw(t, "window"))
		var exact int64
		for _, lag := range all {
			if lag < window {
				exact++
			}
		}
		lacking := exact - lags.Caught(window)
		if lacking < 0 || lacking > lags.Counts[dedup.LagBucket(window)]+lags.Counts[max(dedup.LagBucket(window)-1, 0)] {
			t.Fatalf("window %v: exactly %d, promised %d", window, exact, lags.Caught(window))
		}
	})
}

func TestTheCurveNeverFallsAndAgreesWithTheShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lags advise.Lags
		for range rapid.IntRange(0, 30).Draw(t, "buckets") {
			lags.Counts[rapid.IntRange(0, dedup.LagBuckets-1).Draw(t, "bucket")] += rapid.Int64Range(1, 1000).Draw(t, "count")
		}
		lags.InFlight = rapid.Int64Range(0, 100).Draw(t, "in flight")
		before := 0.0
		for _, p := range lags.Curve() {
			if p.Caught < before || p.Caught > 1 {
				t.Fatalf("the curve goes from %v to %v", before, p.Caught)
			}
			if share := lags.Share(p.Window); share != p.Caught {
				t.Fatalf("at %v the curve says %v, the share is %v", p.Window, p.Caught, share)
			}
			before = p.Caught
		}
	})
}

func TestBarsLeaveTheEmptyEndsOut(t *testing.T) {
	t.Parallel()
	var lags advise.Lags
	if bars := lags.Bars(); len(bars) != 0 || lags.Share(time.Hour) != 0 || lags.Curve()[100].Caught != 0 {
		t.Errorf("%d bars of nothing", len(bars))
	}
	lags.Counts[40], lags.Counts[42] = 3, 4
	bars := lags.Bars()
	if len(bars) != 3 || bars[0].Count != 3 || bars[1].Count != 0 || bars[2].Count != 4 {
		t.Fatalf("%+v", bars)
	}
	if bars[0].From != 1024*time.Millisecond || bars[0].To != bars[1].From {
		t.Errorf("%+v", bars)
	}
}

func TestWhatIsInFlightCameEarly(t *testing.T) {
	t.Parallel()
	lags := lagsAt(map[time.Duration]int64{0: 3, 10 * time.Second: 2, time.Hour: 100})
	for inFlight, want := range map[int64]int64{0: 0, 4: 4, 50: 5} {
		if lags.TakeOff(inFlight, 20*time.Second); lags.InFlight != want {
			t.Errorf("%d of %d are taken off", lags.InFlight, inFlight)
		}
	}
	sum := lagsAt(map[time.Duration]int64{time.Hour: 1})
	if sum.Add(lags); sum.Repeats() != 106 {
		t.Errorf("%d", sum.Repeats())
	}
}

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
		inFlight := int64(0)
		switch mark := settled[r.event]; {
		case r.at < begin+commit:
			inFlight = 1
		case r.at >= mark && r.at < mark+window:
			caught++
		default:
			settled[r.event] = r.at + commit
		}
		lags.Put(dedup.LagBucket(r.at-begin), 1, inFlight, 0)
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
			n := rapid.Int64Range(1, 1000).Draw(t, "count")
			lags.Put(rapid.IntRange(0, dedup.LagBuckets-1).Draw(t, "bucket"), n, rapid.Int64Range(0, n).Draw(t, "in flight"), 0)
		}
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

// In flight is counted where it was: other types, and repeats that came later, lose nothing by it.
func TestRepeatsInFlightAreTakenOffTheirOwnBucketOnly(t *testing.T) {
	t.Parallel()
	var twins, retries advise.Lags
	twins.Put(dedup.LagBucket(5*time.Millisecond), 90, 80, time.Hour)
	retries.Put(dedup.LagBucket(time.Minute), 100, 0, 2*time.Hour)
	if twins.Caught(time.Hour) != 10 || twins.RepeatsInFlight() != 80 || retries.Share(time.Hour) != 1 {
		t.Errorf("%d and %v are caught", twins.Caught(time.Hour), retries.Share(time.Hour))
	}
	whole := twins
	whole.Add(&retries)
	if whole.Caught(time.Hour) != 110 || whole.Repeats() != 190 || whole.RepeatsInFlight() != 80 || whole.Watched != 2*time.Hour {
		t.Errorf("together %d of %d in %v", whole.Caught(time.Hour), whole.Repeats(), whole.Watched)
	}
}

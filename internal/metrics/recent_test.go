package metrics

import (
	"testing"
	"time"
)

func TestRecentForgets(t *testing.T) {
	t.Parallel()
	var r recent
	start := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	if got := r.report(start); got.Verdicts != 0 || got.P99 != 0 {
		t.Errorf("%+v", got)
	}
	for n := range 100 {
		took := time.Millisecond
		if n == 99 {
			took = time.Second
		}
		r.observe(start.Add(time.Duration(n)*time.Second), took)
	}
	now := start.Add(100 * time.Second)
	got := r.report(now)
	if got.Verdicts != 100 || got.P50 < time.Millisecond || got.P50 > 1100*time.Microsecond || got.P99 > 1100*time.Microsecond {
		t.Errorf("%+v", got)
	}
	r.observe(now, time.Second)
	if got = r.report(now); got.P99 < time.Second || got.P99 > 1100*time.Millisecond {
		t.Errorf("%+v", got)
	}
	if got = r.report(start.Add(recentWindow + 70*time.Second)); got.Verdicts >= 100 || got.Verdicts == 0 {
		t.Errorf("later: %+v", got)
	}
	if got = r.report(start.Add(time.Hour)); got.Verdicts != 0 {
		t.Errorf("much later: %+v", got)
	}
	r.observe(start.Add(time.Hour), time.Millisecond)
	if got = r.report(start.Add(time.Hour)); got.Verdicts != 1 {
		t.Errorf("a slot that was used before: %+v", got)
	}
}

func TestRecentBucketsHoldTheirTimes(t *testing.T) {
	t.Parallel()
	for took := time.Microsecond; took < 20*time.Second; took += took/5 + 1 {
		b := recentBucket(took)
		if bound := recentBound(b); bound+1 < took || b > 0 && float64(bound) > 1.1*float64(took) {
			t.Errorf("%v counts as %v", took, bound)
		}
	}
	if recentBound(recentBuckets-1) < time.Minute || recentBucket(time.Hour) != recentBuckets-1 {
		t.Error("a minute is beyond the end")
	}
}

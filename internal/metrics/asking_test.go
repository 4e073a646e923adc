package metrics_test

import "testing"

func TestAskingIsCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	a := m.WatchAsking()
	a.Pass(true)
	a.Pass(false)
	a.Missing("apify", "gave_up", "injected")
	a.Verified("apify", true)
	a.Verified("apify", false)
	a.VerifyFailed("apify")
	got := scrape(t, m)
	for series, want := range map[string]string{
		`dedupgate_reconcile_passes_total{result="ok"}`:                                     "1",
		`dedupgate_reconcile_passes_total{result="failed"}`:                                 "1",
		`dedupgate_reconcile_missing_total{result="injected",source="apify",why="gave_up"}`: "1",
		`dedupgate_verifications_total{result="confirmed",source="apify"}`:                  "1",
		`dedupgate_verifications_total{result="unverified",source="apify"}`:                 "1",
		`dedupgate_verifications_total{result="failed",source="apify"}`:                     "1",
	} {
		if got[series] != want {
			t.Errorf("%s is %s, want %s", series, got[series], want)
		}
	}
	if got["dedupgate_reconcile_last_success_timestamp_seconds"] == "0" {
		t.Error("the time of the last pass is not told")
	}
}

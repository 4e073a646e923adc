package metrics_test

import (
	"bufio"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/metrics"
)

func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Build{Version: "v1.2.3", Revision: "abc"}, []string{"apify", "github"})
}

// scrape gives the exposed series: name with labels → value as text.
func scrape(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape: %d %s", w.Code, w.Body)
	}
	series := map[string]string{}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		if at := strings.LastIndexByte(lines.Text(), ' '); at > 0 && lines.Text()[0] != '#' {
			series[lines.Text()[:at]] = lines.Text()[at+1:]
		}
	}
	return series
}

func wantSeries(t *testing.T, got map[string]string, name, value string) {
	t.Helper()
	if v, ok := got[name]; !ok || v != value {
		t.Errorf("%s = %q (there: %v), want %q", name, v, ok, value)
	}
}

func TestReceiptsAreCountedByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	first := dedup.Verdict{Outcome: dedup.OutcomeNew, Reason: dedup.ReasonFirstSeen}
	hit := dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatTwin}
	m.Receipt("apify", first, time.Millisecond)
	m.Receipt("apify", hit, time.Millisecond)
	m.Receipt("apify", hit, 20*time.Millisecond)

	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_receipts_total{outcome="new",reason="first_seen",repeat="",source="apify"}`, "1")
	wantSeries(t, got, `dedupgate_receipts_total{outcome="duplicate",reason="window_hit",repeat="twin",source="apify"}`, "2")
	wantSeries(t, got, `dedupgate_decision_seconds_count{outcome="duplicate"}`, "2")
	wantSeries(t, got, `dedupgate_decision_seconds_bucket{outcome="duplicate",le="0.001"}`, "1")
}

func TestConfiguredSourcesStartAtZero(t *testing.T) {
	t.Parallel()
	got := scrape(t, newMetrics())
	n := 0
	for name, value := range got {
		if strings.HasPrefix(name, "dedupgate_receipts_total{") {
			n++
			if value != "0" {
				t.Errorf("%s starts at %s", name, value)
			}
		}
	}
	if want := 2 * 17; n != want {
		t.Errorf("%d receipt series for two sources, want %d", n, want)
	}
	wantSeries(t, got, `dedupgate_receipts_total{outcome="quarantined",reason="rejected_by_database",repeat="",source="github"}`, "0")
}

func TestUnconfiguredSourcesShareOneLabel(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	for _, name := range []string{"gone", "evil\nname", "x"} {
		m.Receipt(name, dedup.Verdict{Outcome: dedup.OutcomeNew, Reason: dedup.ReasonFirstSeen}, 0)
	}
	wantSeries(t, scrape(t, m), `dedupgate_receipts_total{outcome="new",reason="first_seen",repeat="",source="other"}`, "3")
}

func TestAReloadKeepsWhatWasCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	v := dedup.Verdict{Outcome: dedup.OutcomeTest, Reason: dedup.ReasonFirstSeen}
	m.Receipt("apify", v, 0)
	m.SetSources([]string{"stripe"})
	m.Receipt("stripe", v, 0)
	m.SetSources([]string{"apify", "stripe"})
	m.Receipt("apify", v, 0)
	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_receipts_total{outcome="test",reason="first_seen",repeat="",source="apify"}`, "2")
	wantSeries(t, got, `dedupgate_receipts_total{outcome="test",reason="first_seen",repeat="",source="stripe"}`, "1")
}

func TestBatchesAreObservedByStoreAndOperation(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	for _, op := range dedup.Operations() {
		m.Observed(op, 3, 2*time.Millisecond, false)
	}
	m.Observed(dedup.OpRecord, 100, time.Second, true)
	m.Observed("made up", 1, time.Second, true)
	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_store_seconds_count{operation="claim",store="redis"}`, "1")
	wantSeries(t, got, `dedupgate_store_seconds_count{operation="record",store="database"}`, "2")
	wantSeries(t, got, `dedupgate_store_seconds_count{operation="drain",store="database"}`, "1")
	wantSeries(t, got, `dedupgate_batch_size_sum{kind="record"}`, "103")
	wantSeries(t, got, `dedupgate_store_failures_total{operation="record",store="database"}`, "1")
	for name := range got {
		if strings.Contains(name, "made up") {
			t.Errorf("an unknown operation became a label: %s", name)
		}
	}
}

type gateFigures struct{}

func (gateFigures) Waiting() (int, int64) { return 7, 4096 }
func (gateFigures) Unrecorded() int64     { return 2 }

func TestGauges(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.WatchGate(gateFigures{})
	m.InFlight(1)
	m.InFlight(1)
	m.InFlight(-1)
	m.Refused("unauthorized")
	degraded := true
	m.WatchRedis(func() bool { return degraded })
	m.SetHitsWaiting(12)
	m.SetDefaultPartitionRows(3)
	got := scrape(t, m)
	for name, value := range map[string]string{
		"dedupgate_queue_requests":                     "7",
		"dedupgate_queue_bytes":                        "4096",
		"dedupgate_unrecorded_total":                   "2",
		"dedupgate_webhooks_in_flight":                 "1",
		`dedupgate_refused_total{code="unauthorized"}`: "1",
		"dedupgate_degraded":                           "1",
		"dedupgate_hits_waiting":                       "12",
		"dedupgate_default_partition_rows":             "3",
	} {
		wantSeries(t, got, name, value)
	}
	degraded = false
	wantSeries(t, scrape(t, m), "dedupgate_degraded", "0")
}

func TestBuildInfoNamesWhatRuns(t *testing.T) {
	t.Parallel()
	for name, value := range scrape(t, newMetrics()) {
		if strings.HasPrefix(name, "dedupgate_build_info{") {
			if value != "1" || !strings.Contains(name, `version="v1.2.3"`) || !strings.Contains(name, `revision="abc"`) {
				t.Errorf("%s %s", name, value)
			}
			return
		}
	}
	t.Error("no build info")
}

func TestReloadsAndReceiptsAtOnce(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	v := dedup.Verdict{Outcome: dedup.OutcomeNew, Reason: dedup.ReasonFirstSeen}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				m.Receipt("apify", v, 0)
			}
		})
		wg.Go(func() {
			for range 50 {
				m.SetSources([]string{"apify", "another"})
			}
		})
	}
	wg.Wait()
	wantSeries(t, scrape(t, m), `dedupgate_receipts_total{outcome="new",reason="first_seen",repeat="",source="apify"}`, "2000")
}

func BenchmarkReceipt(b *testing.B) {
	m := newMetrics()
	v := dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatRetry}
	b.ReportAllocs()
	for b.Loop() {
		m.Receipt("apify", v, time.Millisecond)
	}
}

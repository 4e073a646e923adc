package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/surge"
)

func TestStormsAreCounted(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{}, nil)
	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_storms{by="run"}`, "0")
	wantSeries(t, got, `dedupgate_storms_total{by="dispatch"}`, "0")
	run := surge.Storm{By: surge.ByRun, Source: "apify", Name: "run-1"}
	m.SetStorms([]surge.Storm{run, {By: surge.BySource, Source: "apify"}}, []surge.Storm{run})
	m.SetStorms([]surge.Storm{run}, nil)
	got = scrape(t, m)
	wantSeries(t, got, `dedupgate_storms{by="run"}`, "1")
	wantSeries(t, got, `dedupgate_storms{by="source"}`, "0")
	wantSeries(t, got, `dedupgate_storms_total{by="run"}`, "1")
	for series := range got {
		if strings.Contains(series, "run-1") {
			t.Errorf("a run's id became a label: %s", series)
		}
	}
}

func TestLastUsesAreShown(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{}, nil)
	used := metrics.CredentialUse{Source: "apify", Credential: "token a", Last: time.UnixMilli(1500)}
	m.WatchCredentials(func() []metrics.CredentialUse {
		return []metrics.CredentialUse{used, used, {Source: "apify", Credential: "token b"}}
	})
	got := scrape(t, m)
	wantSeries(t, got, `dedupgate_credential_last_used_timestamp_seconds{credential="token a",source="apify"}`, "1.5")
	wantSeries(t, got, `dedupgate_credential_last_used_timestamp_seconds{credential="token b",source="apify"}`, "0")
}

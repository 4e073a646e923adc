package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dedupgate/dedupgate/internal/surge"
)

// guarding holds the series about storms.
type guarding struct {
	storms *prometheus.GaugeVec
	begun  *prometheus.CounterVec
}

func newGuarding(r prometheus.Registerer) *guarding {
	g := &guarding{
		storms: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dedupgate_storms", Help: "Runs, dispatches and sources that are repeated faster than limits.storm right now.",
		}, []string{"by"}),
		begun: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_storms_total", Help: "Storms of repeats that have begun.",
		}, []string{"by"}),
	}
	r.MustRegister(g.storms, g.begun)
	for _, by := range surge.Bys() {
		g.storms.WithLabelValues(string(by))
		g.begun.WithLabelValues(string(by))
	}
	return g
}

// SetStorms says which storms are under way, and which of them have begun since the last call.
func (m *Metrics) SetStorms(storms, began []surge.Storm) {
	count := map[surge.By]int{}
	for _, s := range storms {
		count[s.By]++
	}
	for _, by := range surge.Bys() {
		m.guarding.storms.WithLabelValues(string(by)).Set(float64(count[by]))
	}
	for _, s := range began {
		m.guarding.begun.WithLabelValues(string(s.By)).Inc()
	}
}

// CredentialUse says when a credential of a source last opened; zero: not since the start.
type CredentialUse struct {
	Source     string
	Credential string // recognisable, never the credential itself
	Last       time.Time
}

// WatchCredentials adds when each credential was last used, asked at each scrape. Call it once, before serving.
func (m *Metrics) WatchCredentials(uses func() []CredentialUse) {
	m.registry.MustRegister(&credentials{
		uses: uses,
		desc: prometheus.NewDesc("dedupgate_credential_last_used_timestamp_seconds",
			"When a token or secret of a source last let a request in, in Unix seconds; 0: not since the start. "+
				"One that is not used any more can be taken away.", []string{"source", "credential"}, nil),
	})
}

type credentials struct {
	uses func() []CredentialUse
	desc *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (c *credentials) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements [prometheus.Collector]. Of two credentials that look the same only the first is shown.
func (c *credentials) Collect(ch chan<- prometheus.Metric) {
	seen := map[[2]string]bool{}
	for _, u := range c.uses() {
		k := [2]string{u.Source, u.Credential}
		if seen[k] {
			continue
		}
		seen[k] = true
		at := 0.0
		if !u.Last.IsZero() {
			at = float64(u.Last.UnixMilli()) / 1000
		}
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, at, u.Source, u.Credential)
	}
}

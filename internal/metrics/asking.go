package metrics

import "github.com/prometheus/client_golang/prometheus"

// Asking holds the series about what Apify is asked for. They exist only where it is asked.
type Asking struct {
	passes  *prometheus.CounterVec
	missing *prometheus.CounterVec
	last    prometheus.Gauge
	lookups *prometheus.CounterVec
}

// WatchAsking adds the series. Call it once, before serving.
func (m *Metrics) WatchAsking() *Asking {
	a := &Asking{
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_reconcile_passes_total", Help: "Passes of this process that asked Apify for missing events: ok or failed.",
		}, []string{"result"}),
		missing: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_reconcile_missing_total",
			Help: "Events found at Apify and not on record, by why they never came (gave_up, lost, never_told, displaced) and what was done.",
		}, []string{"source", "why", "result"}),
		last: gauge("dedupgate_reconcile_last_success_timestamp_seconds", "When this process last made a whole pass; 0: never."),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_verifications_total",
			Help: "What was looked up at Apify: events confirmed, requests for events that stay unverified, or failed where nobody answered.",
		}, []string{"source", "result"}),
	}
	m.registry.MustRegister(a.passes, a.missing, a.last, a.lookups)
	for _, result := range []string{"ok", "failed"} {
		a.passes.WithLabelValues(result)
	}
	return a
}

// Pass counts a pass of reconciliation.
func (a *Asking) Pass(failed bool) {
	if failed {
		a.passes.WithLabelValues("failed").Inc()
		return
	}
	a.passes.WithLabelValues("ok").Inc()
	a.last.SetToCurrentTime()
}

// Missing counts an event that never came.
func (a *Asking) Missing(source, why, result string) {
	a.missing.WithLabelValues(source, why, result).Inc()
}

// Verified counts an event that was confirmed, or a request for one that stays unverified.
func (a *Asking) Verified(source string, confirmed bool) {
	result := "unverified"
	if confirmed {
		result = "confirmed"
	}
	a.lookups.WithLabelValues(source, result).Inc()
}

// VerifyFailed counts a look-up that nobody answered.
func (a *Asking) VerifyFailed(source string) { a.lookups.WithLabelValues(source, "failed").Inc() }

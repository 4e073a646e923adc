package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dedupgate/dedupgate/internal/bodies"
)

func newOtherBodies(r prometheus.Registerer) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dedupgate_other_bodies_total",
		Help: "Bodies of repeats that were looked at because they may differ from their event's own, by what became of them.",
	}, []string{"result"})
	r.MustRegister(c)
	for _, result := range bodies.Results() {
		c.WithLabelValues(string(result))
	}
	return c
}

// OtherBodies implements [bodies.Meter].
func (m *Metrics) OtherBodies(r bodies.Result, n int) {
	m.otherBodies.WithLabelValues(string(r)).Add(float64(n))
}

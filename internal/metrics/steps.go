package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// step is where one operation on a store is counted.
type step struct {
	seconds prometheus.Observer
	size    prometheus.Observer
	failed  prometheus.Counter
}

var _ dedup.Observer = (*Metrics)(nil)

// storeOf names the store an operation waits for.
func storeOf(op dedup.Operation) string {
	switch op {
	case dedup.OpRecord, dedup.OpDrain:
		return "database"
	default:
		return "redis"
	}
}

func newSteps(r prometheus.Registerer) map[dedup.Operation]step {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dedupgate_store_seconds", Help: "Time one batch spent in a store.", Buckets: secondsBuckets(),
	}, []string{"store", "operation"})
	size := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dedupgate_batch_size", Help: "Requests in one batch.",
		Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
	}, []string{"kind"})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dedupgate_store_failures_total", Help: "Batches that a store failed or refused.",
	}, []string{"store", "operation"})
	r.MustRegister(seconds, size, failed)

	steps := make(map[dedup.Operation]step)
	for _, op := range dedup.Operations() {
		store, name := storeOf(op), string(op)
		steps[op] = step{
			seconds: seconds.WithLabelValues(store, name),
			size:    size.WithLabelValues(name),
			failed:  failed.WithLabelValues(store, name),
		}
	}
	return steps
}

// Observed implements [dedup.Observer]. An operation that is not in [dedup.Operations] is not counted.
func (m *Metrics) Observed(op dedup.Operation, size int, took time.Duration, failed bool) {
	s, ok := m.steps[op]
	if !ok {
		return
	}
	s.seconds.Observe(took.Seconds())
	s.size.Observe(float64(size))
	if failed {
		s.failed.Inc()
	}
}

package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Build says which program is running.
type Build struct {
	Version  string // release, or "dev"
	Revision string // commit, "" when unknown
}

// Metrics holds every series of one gateway process.
type Metrics struct {
	registry *prometheus.Registry

	receipts  *prometheus.CounterVec
	decisions *prometheus.HistogramVec
	refused   *prometheus.CounterVec
	steps     map[dedup.Operation]step
	inFlight  prometheus.Gauge

	hitsWaiting prometheus.Gauge
	defaultRows prometheus.Gauge
	forwarding  *forwarding
	guarding    *guarding
	otherBodies *prometheus.CounterVec

	recent recent

	mu      sync.Mutex // serializes SetSources
	sources atomic.Pointer[map[string]tallies]
}

// New makes the series of a process that serves these sources.
func New(build Build, sources []string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_receipts_total",
			Help: "Authenticated requests by what became of them; replays from quarantine included.",
		}, []string{"source", "outcome", "reason", "repeat"}),
		decisions: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dedupgate_decision_seconds",
			Help:    "Time from a request's last byte to its verdict.",
			Buckets: secondsBuckets(),
		}, []string{"outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_refused_total",
			Help: "Requests that are no receipts, by the error code of their answer.",
		}, []string{"code"}),
		inFlight: gauge("dedupgate_webhooks_in_flight", "Webhooks being read or decided right now."),
		hitsWaiting: gauge("dedupgate_hits_waiting",
			"Duplicates answered by Redis whose receipts have not reached the database yet; -1 when Redis can't tell."),
		defaultRows: gauge("dedupgate_default_partition_rows",
			"Receipts in the DEFAULT partition; anything but 0 means that partitions were not made in time."),
	}
	m.registry.MustRegister(m.receipts, m.decisions, m.refused, m.inFlight, m.hitsWaiting, m.defaultRows,
		buildInfo(build), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.steps = newSteps(m.registry)
	m.forwarding = newForwarding(m.registry)
	m.guarding = newGuarding(m.registry)
	m.otherBodies = newOtherBodies(m.registry)
	m.sources.Store(&map[string]tallies{})
	m.SetSources(sources)
	return m
}

// Handler serves the series in the text format. Errors of gathering are logged and answered 500.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}

// InFlight adds delta to the number of webhooks being worked on.
func (m *Metrics) InFlight(delta int) { m.inFlight.Add(float64(delta)) }

// Refused counts a request that got no verdict. The code is one of the HTTP layer's closed list.
func (m *Metrics) Refused(code string) { m.refused.WithLabelValues(code).Inc() }

// WatchRedis adds whether Redis is left out, asked at each scrape. Call it once, before serving.
func (m *Metrics) WatchRedis(degraded func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dedupgate_degraded", Help: "1 while Redis is left out, else 0.",
	}, func() float64 { return oneIf(degraded()) }))
}

// WatchDatabase adds whether the database takes writes, asked at each scrape. Call it once, before serving.
func (m *Metrics) WatchDatabase(takesWrites func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dedupgate_database_writable", Help: "1 while the database takes writes, else 0.",
	}, func() float64 { return oneIf(takesWrites()) }))
}

// SetHitsWaiting says how many hits wait for the drainer; -1 when nobody can tell.
func (m *Metrics) SetHitsWaiting(n int64) { m.hitsWaiting.Set(float64(n)) }

// SetDefaultPartitionRows says how many receipts fell into the DEFAULT partition.
func (m *Metrics) SetDefaultPartitionRows(n int64) { m.defaultRows.Set(float64(n)) }

// Gate is what [Metrics.WatchGate] reads at each scrape.
type Gate interface {
	Waiting() (requests int, bytes int64)
	Unrecorded() int64
}

// WatchGate adds the gate's own figures. Call it once, before serving.
func (m *Metrics) WatchGate(g Gate) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "dedupgate_queue_requests", Help: "Requests inside the gate.",
		}, func() float64 { n, _ := g.Waiting(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "dedupgate_queue_bytes", Help: "Bytes of the bodies inside the gate.",
		}, func() float64 { _, n := g.Waiting(); return float64(n) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "dedupgate_unrecorded_total",
			Help: "Duplicates answered rightly whose receipt could be stored nowhere.",
		}, func() float64 { return float64(g.Unrecorded()) }),
	)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func buildInfo(b Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dedupgate_build_info", Help: "1, labelled with what is running.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go_version": runtime.Version()},
	})
	g.Set(1)
	return g
}

// secondsBuckets reach from a window hit's half millisecond to past the gate's deadline.
func secondsBuckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

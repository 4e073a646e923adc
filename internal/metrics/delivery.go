package metrics

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Breakers lists the states of a destination's circuit breaker.
func Breakers() []string { return []string{"closed", "half_open", "open"} }

// Destination is how one destination is, for the gauges.
type Destination struct {
	Name string
	// Deliveries by state; states that are left out are not shown.
	Deliveries map[delivery.State]int64
	// Backlog is the age of the oldest delivery that is not over; 0 when there is none.
	Backlog time.Duration
	Breaker string // one of [Breakers], in this process
	Paused  bool
}

// forwarding holds the series about handing events on.
type forwarding struct {
	attempts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec

	mu      sync.Mutex // serializes SetDestinations
	tallies atomic.Pointer[map[string]attemptTally]
	status  statusCollector
}

// attemptTally is where the attempts to one destination are counted.
type attemptTally struct {
	byState map[delivery.State]prometheus.Counter
	seconds prometheus.Observer
}

func newForwarding(r prometheus.Registerer) *forwarding {
	f := &forwarding{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dedupgate_delivery_attempts_total",
			Help: "Attempts to hand an event on, by the state in which they left the delivery: delivered, retrying or dead.",
		}, []string{"destination", "state"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dedupgate_delivery_attempt_seconds", Help: "Time of one attempt, from dialing to the end of the answer.",
			Buckets: append(secondsBuckets(), 30, 60),
		}, []string{"destination"}),
		status: newStatusCollector(),
	}
	r.MustRegister(f.attempts, f.seconds, &f.status)
	f.tallies.Store(&map[string]attemptTally{})
	return f
}

// SetDestinations says which destinations are configured. Their counters start at 0 at once; those of a destination that
// is gone stay until the process ends.
func (m *Metrics) SetDestinations(names []string) {
	f := m.forwarding
	f.mu.Lock()
	defer f.mu.Unlock()
	next := maps.Clone(*f.tallies.Load())
	for _, name := range names {
		if _, ok := next[name]; !ok {
			next[name] = f.resolve(name)
		}
	}
	f.tallies.Store(&next)
}

func (f *forwarding) resolve(name string) attemptTally {
	t := attemptTally{byState: map[delivery.State]prometheus.Counter{}, seconds: f.seconds.WithLabelValues(name)}
	for _, s := range []delivery.State{delivery.Delivered, delivery.Retrying, delivery.Dead} {
		t.byState[s] = f.attempts.WithLabelValues(name, string(s))
	}
	return t
}

// Attempted counts one attempt and the state in which it left its delivery. A destination that was never configured is not
// counted.
func (m *Metrics) Attempted(destination string, state delivery.State, took time.Duration) {
	t, ok := (*m.forwarding.tallies.Load())[destination]
	if !ok {
		return
	}
	t.seconds.Observe(took.Seconds())
	if c, ok := t.byState[state]; ok {
		c.Inc()
	}
}

// SetDestinationStatus replaces what the gauges say of all destinations.
func (m *Metrics) SetDestinationStatus(all []Destination) {
	all = slices.Clone(all)
	m.forwarding.status.all.Store(&all)
}

// statusCollector shows the last status as a whole: a scrape never sees half of one.
type statusCollector struct {
	all atomic.Pointer[[]Destination]

	deliveries, backlog, breaker, paused *prometheus.Desc
}

func newStatusCollector() statusCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"destination"}, labels...), nil)
	}
	return statusCollector{
		deliveries: desc("dedupgate_deliveries", "Deliveries that are not over, and dead ones, by state; the same in every replica.", "state"),
		backlog: desc("dedupgate_delivery_backlog_age_seconds",
			"Age of the oldest delivery that is not over, 0 when there is none; the same in every replica."),
		breaker: desc("dedupgate_destination_breaker", "1 for the state that the destination's circuit breaker is in, in this process.", "state"),
		paused:  desc("dedupgate_destination_paused", "1 while an operator has paused the destination, else 0."),
	}
}

// Describe implements [prometheus.Collector].
func (c *statusCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.deliveries, c.backlog, c.breaker, c.paused} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *statusCollector) Collect(out chan<- prometheus.Metric) {
	all := c.all.Load()
	if all == nil {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, d := range *all {
		for state, n := range d.Deliveries {
			gauge(c.deliveries, float64(n), d.Name, string(state))
		}
		gauge(c.backlog, d.Backlog.Seconds(), d.Name)
		gauge(c.paused, oneIf(d.Paused), d.Name)
		for _, state := range Breakers() {
			gauge(c.breaker, oneIf(d.Breaker == state), d.Name, state)
		}
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

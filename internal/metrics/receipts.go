package metrics

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// otherSource labels receipts whose source is not configured any more.
const otherSource = "other"

// tally is where one kind of verdict is counted. The series are resolved when the sources are set, so that counting a
// receipt costs two map lookups and no hashing of label sets.
type tally struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

// verdictKind is what the receipt counter tells apart within a source.
type verdictKind struct {
	outcome dedup.Outcome
	reason  dedup.Reason
	repeat  dedup.Repeat
}

type tallies map[verdictKind]tally

// verdictKinds lists every kind of verdict that the core gives.
func verdictKinds() []verdictKind {
	kinds := []verdictKind{
		{dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone},
		{dedup.OutcomeUpdated, dedup.ReasonFirstSeen, dedup.RepeatNone},
		{dedup.OutcomeLate, dedup.ReasonFirstSeen, dedup.RepeatNone},
		{dedup.OutcomeTest, dedup.ReasonFirstSeen, dedup.RepeatNone},
		{dedup.OutcomeQuarantined, dedup.ReasonNotJSON, dedup.RepeatNone},
		{dedup.OutcomeQuarantined, dedup.ReasonNoIdentity, dedup.RepeatNone},
		{dedup.OutcomeQuarantined, dedup.ReasonTooLarge, dedup.RepeatNone},
		{dedup.OutcomeQuarantined, dedup.ReasonRejectedByDatabase, dedup.RepeatNone},
	}
	for _, reason := range []dedup.Reason{dedup.ReasonWindowHit, dedup.ReasonLedgerHit, dedup.ReasonRaceLost} {
		for _, repeat := range dedup.Repeats() {
			kinds = append(kinds, verdictKind{dedup.OutcomeDuplicate, reason, repeat})
		}
	}
	return kinds
}

// SetSources says which sources are configured. Their series start at 0 at once; those of a source that is gone stay
// until the process ends, because a counter must not go backwards when the source comes back.
func (m *Metrics) SetSources(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := maps.Clone(*m.sources.Load())
	for _, name := range names {
		if _, ok := next[name]; !ok {
			next[name] = m.resolve(name)
		}
	}
	m.sources.Store(&next)
}

func (m *Metrics) resolve(source string) tallies {
	kinds := verdictKinds()
	t := make(tallies, len(kinds))
	for _, k := range kinds {
		t[k] = m.tally(source, k)
	}
	return t
}

func (m *Metrics) tally(source string, k verdictKind) tally {
	return tally{
		count:   m.receipts.WithLabelValues(source, string(k.outcome), string(k.reason), string(k.repeat)),
		seconds: m.decisions.WithLabelValues(string(k.outcome)),
	}
}

// Receipt counts one verdict and the time it took. A source that was never configured is counted as "other".
func (m *Metrics) Receipt(source string, v dedup.Verdict, took time.Duration) {
	k := verdictKind{v.Outcome, v.Reason, v.Repeat}
	of, ok := (*m.sources.Load())[source]
	if !ok {
		source = otherSource
	}
	t, ok := of[k]
	if !ok {
		t = m.tally(source, k)
	}
	t.count.Inc()
	t.seconds.Observe(took.Seconds())
	m.recent.observe(time.Now(), took)
}

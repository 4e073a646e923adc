package ledger

import (
	"maps"
	"slices"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// adviceOn says what the counts of each source suggest.
func adviceOn(list []stepCount) []view.Advice {
	bySource := map[string]*advise.Repeats{}
	for _, t := range list {
		r := bySource[t.source]
		if r == nil {
			r = &advise.Repeats{Source: t.source}
			bySource[t.source] = r
		}
		r.Receipts += t.count
		if t.outcome == string(dedup.OutcomeQuarantined) {
			r.Quarantined += t.count
		}
		if t.reason == string(dedup.ReasonLedgerHit) {
			r.Late += t.count
		}
		switch dedup.Repeat(t.repeat) {
		case dedup.RepeatRetry:
			r.Retry += t.count
		case dedup.RepeatTwin:
			r.Twin += t.count
		case dedup.RepeatUnknown:
			r.Unknown += t.count
		case dedup.RepeatNone:
		}
	}
	advice := []view.Advice{}
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		r := bySource[source]
		for _, a := range []view.Advice{
			{Kind: "twins", Source: source, Text: r.Twins()},
			{Kind: "unknown_repeats", Source: source, Text: r.Unknowns()},
			{Kind: "ledger_hits", Source: source, Text: r.LateHits()},
			{Kind: "quarantine", Source: source, Text: r.Unreadable()},
		} {
			if a.Text != "" {
				advice = append(advice, a)
			}
		}
	}
	return advice
}

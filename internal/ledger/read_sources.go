package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// SourceCounts are a source's receipts of a range, and when the last one came.
type SourceCounts struct {
	Source                            string
	Receipts, Duplicates, Quarantined int64
	LastSeenAt                        time.Time // of all time, to the minute; zero: never
}

// SourceCounts counts each source that has receipts, in the order of names. Errors: [dedup.ErrUnavailable].
func (l *Ledger) SourceCounts(ctx context.Context, r view.Range) (since, until time.Time, list []SourceCounts, err error) {
	since, until, step, err := l.stretch(ctx, r)
	if err != nil {
		return since, until, nil, translate("count by source", err)
	}
	seen, err := l.lastSeen(ctx)
	if err != nil {
		return since, until, nil, translate("count by source", err)
	}
	tallies, err := l.tallies(ctx, since, until, step, "")
	if err != nil {
		return since, until, nil, translate("count by source", err)
	}
	bySource := map[string]*SourceCounts{}
	for source, at := range seen {
		bySource[source] = &SourceCounts{Source: source, LastSeenAt: at}
	}
	for _, t := range tallies {
		c := bySource[t.source]
		if c == nil { // came in between the two questions
			c = &SourceCounts{Source: t.source, LastSeenAt: time.Unix(t.step*int64(step/time.Second), 0).UTC()}
			bySource[t.source] = c
		}
		c.add(t)
	}
	for _, c := range bySource {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b SourceCounts) int { return strings.Compare(a.Source, b.Source) })
	return since, until, list, nil
}

func (c *SourceCounts) add(t stepCount) {
	c.Receipts += t.count
	switch dedup.Outcome(t.outcome) {
	case dedup.OutcomeDuplicate:
		c.Duplicates += t.count
	case dedup.OutcomeQuarantined:
		c.Quarantined += t.count
	default:
	}
}

// lastSeen is the last minute with a receipt by source.
func (l *Ledger) lastSeen(ctx context.Context) (map[string]time.Time, error) {
	done, err := readProgress(l.reads.WithContext(ctx), jobSums)
	if err != nil {
		return nil, err
	}
	from := time.Unix(0, 0).UTC()
	if !done.IsZero() {
		from = done.Add(-minutesAgain)
	}
	query := `SELECT source, ` + l.seconds("seen_at") + ` FROM sources_seen
UNION ALL SELECT source, MAX(` + l.seconds("minute") + `) FROM rollups WHERE minute >= ? GROUP BY source`
	seen := map[string]time.Time{}
	err = scanAll(l.reads.WithContext(ctx).Raw(query, from), func(rows *sql.Rows) error {
		var source string
		var at int64
		err := rows.Scan(&source, &at)
		if last := time.Unix(at, 0).UTC(); last.After(seen[source]) {
			seen[source] = last
		}
		return err
	})
	return seen, err
}

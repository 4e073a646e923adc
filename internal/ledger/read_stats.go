package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Stats sums receipts from their counters by the minute: the range is widened to whole minutes, and the answer says to
// which. An open start is the first minute that was counted, an open end the current one. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Stats(ctx context.Context, r view.Range) (view.Stats, error) {
	s := view.Stats{Since: r.Since.UTC().Truncate(time.Minute), Until: r.Until}
	if r.Until.IsZero() {
		s.Until = l.now()
	}
	s.Until = wholeMinutes(s.Until)
	if r.Since.IsZero() {
		var err error
		if s.Since, err = l.firstMinute(ctx, s.Until); err != nil {
			return s, translate("read statistics", err)
		}
	}
	tallies, err := l.tallies(ctx, s.Since, s.Until, day, "")
	sums := map[view.Count]int64{}
	for _, t := range tallies {
		s.Receipts += t.count
		sums[view.Count{Source: t.source, Outcome: t.outcome, Reason: t.reason}] += t.count
	}
	for c, n := range sums {
		c.Count = n
		s.Counts = append(s.Counts, c)
	}
	slices.SortFunc(s.Counts, func(a, b view.Count) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason))
	})
	return s, translate("read statistics", err)
}

// wholeMinutes rounds up.
func wholeMinutes(t time.Time) time.Time {
	down := t.UTC().Truncate(time.Minute)
	if down.Before(t) {
		return down.Add(time.Minute)
	}
	return down
}

// firstMinute is the oldest minute with a counter, otherwise when there is none.
func (l *Ledger) firstMinute(ctx context.Context, otherwise time.Time) (time.Time, error) {
	var rows []rollupRow
	err := l.reads.WithContext(ctx).Select("minute").Order("minute").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return otherwise, err
	}
	return rows[0].Minute.UTC(), nil
}

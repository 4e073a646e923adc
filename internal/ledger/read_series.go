package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// stepCount is a number of receipts of one kind within one step of a series.
type stepCount struct {
	step                    int64 // since the epoch
	source, outcome, reason string
	repeat                  string
	count                   int64
}

// maxPoints is the most steps of a series.
const maxPoints = 120

// stepFor is the step that divides a range into no more than so many. Steps below ten minutes read rollups by the minute, so
// they are for ranges of a few hours; the others read sums.
func stepFor(span time.Duration) time.Duration {
	for _, s := range []struct{ step, upTo time.Duration }{
		{time.Minute, 2 * time.Hour},
		{2 * time.Minute, 4 * time.Hour},
		{5 * time.Minute, 6 * time.Hour},
		{10 * time.Minute, 20 * time.Hour},
		{20 * time.Minute, 40 * time.Hour},
		{30 * time.Minute, 60 * time.Hour},
	} {
		if span <= s.upTo {
			return s.step
		}
	}
	for _, hours := range []int{1, 2, 3, 4, 6, 8, 12} {
		if step := time.Duration(hours) * time.Hour; span <= maxPoints*step {
			return step
		}
	}
	return widenedSpan(span/maxPoints, day)
}

// widenedSpan rounds up to a multiple of step, and to the next where it is one.
func widenedSpan(span, step time.Duration) time.Duration { return span.Truncate(step) + step }

// stretch widens a range to whole steps; an open end is now, an open start the first minute that was counted.
func (l *Ledger) stretch(ctx context.Context, r view.Range) (since, until time.Time, step time.Duration, err error) {
	until = r.Until.UTC()
	if r.Until.IsZero() {
		until = wholeMinutes(l.now())
	}
	since = r.Since.UTC()
	if r.Since.IsZero() {
		if since, err = l.firstMinute(ctx, until); err != nil {
			return since, until, 0, err
		}
	}
	step = stepFor(max(until.Sub(since)-time.Minute, 0)) // that minute is what widening to whole ones can add
	since = since.Truncate(step)
	if over := until.Sub(since) % step; over != 0 {
		until = until.Add(step - over)
	}
	return since, until, step, nil
}

// minutesAgain is how far back the minutes are read instead of sums: what comes late within that time counts at once.
const minutesAgain = time.Hour

// tallies sums receipts by step: from the longest spans that divide it, as far as those are summed up, and the ends from
// shorter ones.
func (l *Ledger) tallies(ctx context.Context, since, until time.Time, step time.Duration, source string) ([]stepCount, error) {
	done, err := readProgress(l.reads.WithContext(ctx), jobSums)
	if err != nil {
		return nil, err
	}
	summed := earlier(earlier(done, l.now().UTC().Add(-minutesAgain)), until)
	var list []stepCount
	for _, p := range partsOf(since, until, summed, step) {
		if err := l.readTallies(ctx, &list, p, step, source); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// part is a range that is read from sums of one span, or from the minutes when there is none.
type part struct {
	since, until time.Time
	span         time.Duration
}

// partsOf divides a range, in order of time.
func partsOf(since, until, summed time.Time, step time.Duration) []part {
	parts := []part{{since, until, 0}}
	for _, span := range []time.Duration{sumLength, time.Hour} {
		if step%span != 0 {
			break
		}
		var finer []part
		for _, p := range parts {
			finer = append(finer, p.coarsened(span, summed)...)
		}
		parts = finer
	}
	return parts
}

// coarsened takes the whole spans of a part out of its middle, as far as they are summed up.
func (p part) coarsened(span time.Duration, summed time.Time) []part {
	from, to := widened(p.since, span), earlier(summed, p.until).Truncate(span)
	if !from.Before(to) {
		return []part{p}
	}
	var parts []part
	if p.since.Before(from) {
		parts = append(parts, part{p.since, from, p.span})
	}
	parts = append(parts, part{from, to, span})
	if to.Before(p.until) {
		parts = append(parts, part{to, p.until, p.span})
	}
	return parts
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (l *Ledger) readTallies(ctx context.Context, list *[]stepCount, p part, step time.Duration, source string) error {
	table, column, args := "rollups", "minute", []any{int64(step / time.Second), p.since, p.until}
	condition := ""
	if p.span != 0 {
		table, column, condition = "rollup_sums", "start", " AND span = ?"
		args = append(args, minutes(p.span))
	}
	if source != "" {
		condition += " AND source = ?"
		args = append(args, source)
	}
	query := `SELECT ` + l.seconds(column) + ` / ?, source, outcome, reason, repeat, CAST(SUM(count) AS bigint)
FROM ` + table + ` WHERE ` + column + ` >= ? AND ` + column + ` < ?` + condition + ` GROUP BY 1, 2, 3, 4, 5`
	return scanAll(l.reads.WithContext(ctx).Raw(query, args...), func(rows *sql.Rows) error {
		var t stepCount
		err := rows.Scan(&t.step, &t.source, &t.outcome, &t.reason, &t.repeat, &t.count)
		*list = append(*list, t)
		return err
	})
}

// Overview sums a range's receipts; what only a process knows is left zero. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Overview(ctx context.Context, r view.Range, source string) (view.Overview, error) {
	since, until, step, err := l.stretch(ctx, r)
	if err != nil {
		return view.Overview{}, translate("read overview", err)
	}
	o := newOverview(since, until, step)
	if !searchable(source) {
		return o, nil
	}
	list, err := l.tallies(ctx, since, until, step, source)
	if err != nil {
		return o, translate("read overview", err)
	}
	first := since.Unix() / o.StepSeconds
	for _, t := range list {
		addCount(&o, t, int(t.step-first))
	}
	if o.Receipts > 0 {
		o.Saved = float64(o.Duplicates) / float64(o.Receipts)
	}
	o.Advice = adviceOn(list)
	return o, nil
}

func newOverview(since, until time.Time, step time.Duration) view.Overview {
	o := view.Overview{
		Since: since, Until: until, StepSeconds: int64(step / time.Second), Advice: []view.Advice{},
		Outcomes: map[string]int64{}, Reasons: map[string]int64{}, Repeats: map[string]int64{},
		Series: view.Series{Times: []int64{}, Outcomes: map[string][]int64{}, Reasons: map[string][]int64{}},
	}
	for at := since; at.Before(until); at = at.Add(step) {
		o.Series.Times = append(o.Series.Times, at.Unix())
	}
	for _, name := range dedup.Outcomes() {
		o.Outcomes[string(name)] = 0
	}
	for _, name := range dedup.Reasons() {
		o.Reasons[string(name)] = 0
	}
	for _, name := range dedup.Repeats() {
		o.Repeats[string(name)] = 0
	}
	return o
}

func addCount(o *view.Overview, t stepCount, at int) {
	o.Receipts += t.count
	o.Outcomes[t.outcome] += t.count
	o.Reasons[t.reason] += t.count
	switch dedup.Outcome(t.outcome) {
	case dedup.OutcomeDuplicate:
		o.Duplicates += t.count
		o.Repeats[t.repeat] += t.count
	case dedup.OutcomeQuarantined:
	default:
		o.LetThrough += t.count
	}
	addPoint(o.Series.Outcomes, t.outcome, at, len(o.Series.Times), t.count)
	addPoint(o.Series.Reasons, t.reason, at, len(o.Series.Times), t.count)
}

func addPoint(lines map[string][]int64, name string, at, points int, count int64) {
	if lines[name] == nil {
		lines[name] = make([]int64, points)
	}
	if at >= 0 && at < points {
		lines[name][at] += count
	}
}

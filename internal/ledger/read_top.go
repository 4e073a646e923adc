package ledger

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/view"
)

// maxTop is the longest list of tops.
const maxTop = 100

// Top lists what was repeated most often in a range, which is widened to whole summaries. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Top(ctx context.Context, q view.TopQuery) (view.Top, error) {
	top := view.Top{By: q.By, Items: []view.TopItem{}}
	if !searchable(q.By, q.Source) {
		return top, nil
	}
	err := l.topRange(ctx, &top, q.Range)
	if err == nil {
		err = l.topSums(ctx, &top)
	}
	if err == nil {
		err = l.topItems(ctx, &top, q)
	}
	return top, translate("read tops", err)
}

// topRange widens to slices of ten minutes, and to days where there are no others any more.
func (l *Ledger) topRange(ctx context.Context, top *view.Top, r view.Range) error {
	folded, err := l.foldedUntil(ctx)
	if err != nil {
		return err
	}
	top.Since, top.Until = r.Since.UTC().Truncate(sliceLength), r.Until.UTC()
	if r.Until.IsZero() {
		top.Until = l.now().UTC()
	}
	top.Until = widened(top.Until, sliceLength)
	if r.Since.IsZero() {
		if top.Since, err = l.firstMinute(ctx, top.Until); err != nil {
			return err
		}
		top.Since = top.Since.Truncate(sliceLength)
	}
	if top.Since.Before(folded) {
		top.Since = top.Since.Truncate(day)
	}
	if top.Until.Before(folded) {
		top.Until = widened(top.Until, day)
	}
	return nil
}

// widened rounds up to a multiple of step.
func widened(t time.Time, step time.Duration) time.Time {
	if down := t.Truncate(step); down.Before(t) {
		return down.Add(step)
	}
	return t
}

func (l *Ledger) topSums(ctx context.Context, top *view.Top) error {
	query := `SELECT CAST(COALESCE(SUM(repeats), 0) AS bigint), COALESCE(MAX(CASE WHEN is_full THEN 1 ELSE 0 END), 0)
FROM repeat_slices WHERE start >= ? AND start < ?`
	var full int64
	if err := l.reads.WithContext(ctx).Raw(query, top.Since, top.Until).Row().Scan(&top.Repeats, &full); err != nil {
		return err
	}
	top.AtLeast = full == 1
	top.CountedUntil = earlier(top.Until, l.now().UTC())
	changed, err := l.changedSlices(ctx, l.now().UTC().Add(-time.Hour).Truncate(sliceLength))
	for _, s := range changed {
		top.CountedUntil = earlier(top.CountedUntil, s.Start)
	}
	return err
}

func (l *Ledger) topItems(ctx context.Context, top *view.Top, q view.TopQuery) error {
	limit := min(q.Limit, maxTop)
	if limit <= 0 {
		limit = 10
	}
	sums := equals(l.reads.WithContext(ctx).Model(&topRow{}), [2]string{"source", q.Source}).
		Select("source, kind, name, CAST(SUM(count) AS bigint) AS n").
		Where("dimension = ? AND start >= ? AND start < ?", q.By, top.Since, top.Until).Group("source, kind, name")
	ranked := l.reads.WithContext(ctx).Session(&gorm.Session{NewDB: true}).Table("(?) AS sums", sums).
		Order("n DESC, name, source, kind").Limit(limit)
	return scanAll(ranked, func(rows *sql.Rows) error {
		var item view.TopItem
		err := rows.Scan(&item.Source, &item.Kind, &item.Name, &item.Count)
		if top.Repeats > 0 {
			item.Share = float64(item.Count) / float64(top.Repeats)
		}
		top.Items = append(top.Items, item)
		return err
	})
}

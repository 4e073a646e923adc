package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"
)

const (
	sliceLength = 10 * time.Minute
	// slicesFor is how long slices of ten minutes are kept before they become one day's.
	slicesFor = 2 * day
	// sliceNames and dayNames are how many names a slice keeps of each dimension.
	sliceNames = 100
	dayNames   = 300
)

// sumUpRepeats counts the slices that rollups say have changed, newest first, and makes days of those that are old.
func (l *Ledger) sumUpRepeats(ctx context.Context, lookBack bool) error {
	folded, err := l.foldedUntil(ctx)
	if err != nil {
		return translate(jobDays, err)
	}
	from := folded
	if hourAgo := l.now().UTC().Add(-time.Hour).Truncate(sliceLength); !lookBack && hourAgo.After(from) {
		from = hourAgo
	}
	changed, err := l.changedSlices(ctx, from)
	if err != nil {
		return translate(jobDays, err)
	}
	for _, s := range changed {
		if err := l.summing(ctx, "count repeats", func(tx *gorm.DB) error { return countSlice(tx, s) }); err != nil {
			return err
		}
	}
	if !lookBack {
		return nil
	}
	return l.foldDays(ctx, folded)
}

// foldedUntil is where days end and slices of ten minutes begin.
func (l *Ledger) foldedUntil(ctx context.Context) (time.Time, error) {
	until, err := readProgress(l.db.WithContext(ctx), jobDays)
	if err != nil || !until.IsZero() {
		return until, err
	}
	first, err := l.firstMinute(ctx, l.now())
	return first.UTC().Truncate(day), err
}

// changedSlices lists the slices from a time on whose rollups don't say what they said when the slice was counted.
func (l *Ledger) changedSlices(ctx context.Context, from time.Time) ([]sliceRow, error) {
	counted := map[int64]int64{}
	var rows []sliceRow
	if err := l.db.WithContext(ctx).Where("start >= ?", from).Find(&rows).Error; err != nil {
		return nil, err
	}
	for _, r := range rows {
		counted[r.Start.Unix()] = r.Seen
	}
	query := `SELECT ` + l.seconds("minute") + ` / 600 AS slice, CAST(SUM(count) AS bigint)
FROM rollups WHERE minute >= ? AND outcome = 'duplicate' GROUP BY 1`
	var changed []sliceRow
	err := scanAll(l.db.WithContext(ctx).Raw(query, from), func(rows *sql.Rows) error {
		var n, seen int64
		err := rows.Scan(&n, &seen)
		start := time.Unix(n*600, 0).UTC()
		if before, ok := counted[start.Unix()]; !ok || before != seen {
			changed = append(changed, sliceRow{Start: start, Seen: seen})
		}
		return err
	})
	slices.SortFunc(changed, func(a, b sliceRow) int { return b.Start.Compare(a.Start) })
	return changed, err
}

// repeatsQuery counts a slice's repeats by dimension and keeps the greatest names of each, with one more to know of.
const repeatsQuery = `
WITH repeats AS (
    SELECT source, event_id, dispatch_id, COUNT(*) AS n FROM receipts
    WHERE received_at >= ? AND received_at < ? AND outcome = 'duplicate' AND event_id IS NOT NULL GROUP BY 1, 2, 3
), told AS (
    SELECT r.source, e.kind, e.run_id, e.actor_id, SUM(r.n) AS n
    FROM repeats r JOIN events e ON e.id = r.event_id GROUP BY 1, 2, 3, 4
), names AS (
    SELECT 'actor' AS dimension, source, '' AS kind, actor_id AS name, SUM(n) AS n FROM told WHERE actor_id <> '' GROUP BY source, actor_id
    UNION ALL
    SELECT 'run', source, kind, run_id, SUM(n) FROM told WHERE run_id <> '' GROUP BY source, kind, run_id
    UNION ALL
    SELECT 'dispatch', source, '', dispatch_id, SUM(n) FROM repeats WHERE dispatch_id <> '' GROUP BY source, dispatch_id
), ranked AS (
    SELECT names.*, ROW_NUMBER() OVER (PARTITION BY dimension ORDER BY n DESC, name, source, kind) AS place FROM names
)
SELECT dimension, source, kind, name, CAST(n AS bigint) FROM ranked WHERE place <= ?
UNION ALL SELECT '', '', '', '', CAST(COALESCE(SUM(n), 0) AS bigint) FROM repeats`

// countSlice counts one slice from its receipts.
func countSlice(tx *gorm.DB, s sliceRow) error {
	var tops []topRow
	err := scanAll(tx.Raw(repeatsQuery, s.Start, s.Start.Add(sliceLength), sliceNames+1), func(rows *sql.Rows) error {
		t := topRow{Start: s.Start}
		err := rows.Scan(&t.Dimension, &t.Source, &t.Kind, &t.Name, &t.Count)
		if t.Dimension == "" {
			s.Repeats = t.Count
			return err
		}
		tops = append(tops, t)
		return err
	})
	if err != nil {
		return err
	}
	tops, s.IsFull = greatest(tops, sliceNames)
	return writeSlice(tx, s, s.Start.Add(sliceLength), tops)
}

// writeSlice replaces all slices of [s.Start, until) by one.
func writeSlice(tx *gorm.DB, s sliceRow, until time.Time, tops []topRow) error {
	err := tx.Where("start >= ? AND start < ?", s.Start, until).Delete(&topRow{}).Error
	if err == nil {
		err = tx.Where("start >= ? AND start < ?", s.Start, until).Delete(&sliceRow{}).Error
	}
	if err == nil && len(tops) > 0 {
		err = tx.CreateInBatches(tops, 1000).Error
	}
	if err == nil {
		err = tx.Create(&s).Error
	}
	return err
}

// greatest keeps the most of each dimension and reports whether there were more.
func greatest(tops []topRow, most int) (kept []topRow, more bool) {
	slices.SortFunc(tops, func(a, b topRow) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind))
	})
	kept = tops[:0]
	of, n := "", 0
	for _, t := range tops {
		if t.Dimension != of {
			of, n = t.Dimension, 0
		}
		if n++; n > most {
			more = true
			continue
		}
		kept = append(kept, t)
	}
	return kept, more
}

// foldDays makes one slice of each day that is old enough.
func (l *Ledger) foldDays(ctx context.Context, from time.Time) error {
	until := l.now().UTC().Add(-slicesFor).Truncate(day)
	for ; from.Before(until); from = from.Add(day) {
		if err := l.summing(ctx, jobDays, func(tx *gorm.DB) error { return foldDay(tx, from) }); err != nil {
			return err
		}
	}
	return nil
}

func foldDay(tx *gorm.DB, start time.Time) error {
	until := start.Add(day)
	s := sliceRow{Start: start}
	var parts []sliceRow
	if err := tx.Where("start >= ? AND start < ?", start, until).Find(&parts).Error; err != nil {
		return err
	}
	for _, p := range parts {
		s.Seen, s.Repeats, s.IsFull = s.Seen+p.Seen, s.Repeats+p.Repeats, s.IsFull || p.IsFull
	}
	var tops []topRow
	query := `SELECT dimension, source, kind, name, CAST(SUM(count) AS bigint) FROM repeat_tops WHERE start >= ? AND start < ? GROUP BY 1, 2, 3, 4`
	err := scanAll(tx.Raw(query, start, until), func(rows *sql.Rows) error {
		t := topRow{Start: start}
		err := rows.Scan(&t.Dimension, &t.Source, &t.Kind, &t.Name, &t.Count)
		tops = append(tops, t)
		return err
	})
	if err != nil {
		return err
	}
	tops, cut := greatest(tops, dayNames)
	s.IsFull = s.IsFull || cut
	if len(parts) > 0 {
		err = writeSlice(tx, s, until, tops)
	}
	if err == nil {
		err = writeProgress(tx, jobDays, until)
	}
	return err
}

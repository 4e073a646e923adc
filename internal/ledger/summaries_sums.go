package ledger

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
)

const (
	jobSums = "sum up minutes"
	// sumLength is the shorter of the two spans that are summed up; the other is an hour.
	sumLength = 10 * time.Minute
	// settled is how long after its end a span is summed up.
	settled = 2 * time.Minute
	// sumsAgain is how far back everything is summed up again, for what was written late.
	sumsAgain = 72 * time.Hour
)

// sumUpMinutes sums up what is over, a day in a transaction.
func (l *Ledger) sumUpMinutes(ctx context.Context, again bool) error {
	done, err := readProgress(l.db.WithContext(ctx), jobSums)
	if err != nil {
		return translate(jobSums, err)
	}
	until := l.now().UTC().Add(-settled).Truncate(sumLength)
	from := done.Truncate(time.Hour) // an hour is summed up whole
	switch {
	case done.IsZero():
		if from, err = l.firstMinute(ctx, until); err != nil {
			return translate(jobSums, err)
		}
		from = from.Truncate(time.Hour)
	case again:
		from = done.Add(-sumsAgain).Truncate(time.Hour)
	case !until.After(done):
		return nil
	}
	for from.Before(until) {
		next := earlier(from.Add(day), until)
		if err := l.summing(ctx, jobSums, func(tx *gorm.DB) error { return l.sumMinutes(tx, from, next, done) }); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// sumMinutes writes the sums of [from, to) anew; from is a whole hour. An hour that to cuts is left for later.
func (l *Ledger) sumMinutes(tx *gorm.DB, from, to, done time.Time) error {
	sums := map[sumRow]int64{}
	seen := map[string]int64{}
	query := `SELECT ` + l.seconds("minute") + ` / 600, source, outcome, reason, repeat, CAST(SUM(count) AS bigint), MAX(` + l.seconds("minute") + `)
FROM rollups WHERE minute >= ? AND minute < ? GROUP BY 1, 2, 3, 4, 5`
	err := scanAll(tx.Raw(query, from, to), func(rows *sql.Rows) error {
		s := sumRow{Span: minutes(sumLength)}
		var number, count, last int64
		err := rows.Scan(&number, &s.Source, &s.Outcome, &s.Reason, &s.Repeat, &count, &last)
		seen[s.Source] = max(seen[s.Source], last)
		s.Start = time.Unix(number*int64(sumLength/time.Second), 0).UTC()
		sums[s] += count
		if s.Span, s.Start = minutes(time.Hour), s.Start.Truncate(time.Hour); !s.Start.Add(time.Hour).After(to) {
			sums[s] += count
		}
		return err
	})
	if err != nil {
		return err
	}
	if err = writeSums(tx, from, to, sums); err == nil {
		err = writeSeen(tx, seen)
	}
	if err == nil && to.After(done) {
		err = writeProgress(tx, jobSums, to)
	}
	return err
}

func minutes(span time.Duration) int { return int(span / time.Minute) }

func writeSums(tx *gorm.DB, from, to time.Time, sums map[sumRow]int64) error {
	list := make([]sumRow, 0, len(sums))
	for s, n := range sums {
		s.Count = n
		list = append(list, s)
	}
	err := tx.Where("span IN ? AND start >= ? AND start < ?", []int{minutes(sumLength), minutes(time.Hour)}, from, to).Delete(&sumRow{}).Error
	if err == nil && len(list) > 0 {
		err = tx.CreateInBatches(list, 1000).Error
	}
	return err
}

// writeSeen moves the sources' last minutes on, never back.
func writeSeen(tx *gorm.DB, seen map[string]int64) error {
	for source, last := range seen {
		err := tx.Exec("INSERT INTO sources_seen (source, seen_at) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET seen_at = excluded.seen_at "+
			"WHERE sources_seen.seen_at < excluded.seen_at", source, time.Unix(last, 0).UTC()).Error
		if err != nil {
			return err
		}
	}
	return nil
}

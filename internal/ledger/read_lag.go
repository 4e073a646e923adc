package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// LagKey names a histogram of repeat lags: that of a source's event type, where all types that are not Apify's are "other".
type LagKey struct{ Source, Type string }

// LagReport holds histograms and what goes with them, for a range of whole days (UTC).
type LagReport struct {
	Since, Until time.Time
	Lags         map[LagKey]*advise.Lags
	// Events counts the first deliveries by source.
	Events map[string]int64
}

// Lags reads the histograms of a source, or of all for "". Errors: [dedup.ErrUnavailable].
func (l *Ledger) Lags(ctx context.Context, r view.Range, source string) (LagReport, error) {
	report, err := l.lagRange(ctx, r)
	if err == nil && searchable(source) {
		err = l.readLags(ctx, &report, source)
	}
	if err == nil && searchable(source) {
		err = l.countFirsts(ctx, &report, source)
	}
	return report, translate("read lags", err)
}

// lagRange widens a range to whole days and cuts off what was before the first receipt: rates are means over what was counted.
func (l *Ledger) lagRange(ctx context.Context, r view.Range) (LagReport, error) {
	report := LagReport{Lags: map[LagKey]*advise.Lags{}, Events: map[string]int64{}}
	report.Until = r.Until.UTC()
	if r.Until.IsZero() || r.Until.After(l.now()) {
		report.Until = wholeMinutes(l.now())
	} else if over := report.Until.Sub(report.Until.Truncate(day)); over != 0 {
		report.Until = earlier(report.Until.Truncate(day).Add(day), wholeMinutes(l.now()))
	}
	first, err := l.firstMinute(ctx, report.Until)
	report.Since = r.Since.UTC().Truncate(day)
	if r.Since.IsZero() || report.Since.Before(first) {
		report.Since = first
	}
	return report, err
}

func (l *Ledger) readLags(ctx context.Context, report *LagReport, source string) error {
	query := `SELECT source, event_type, bucket, CAST(SUM(count) AS bigint), CAST(SUM(in_flight) AS bigint), MIN(` + l.seconds("day") + `)
FROM repeat_lag WHERE day >= ? AND day < ?`
	args := []any{report.Since.Truncate(day), report.Until}
	if report.Until.Truncate(day).Before(report.Until) {
		args[1] = report.Until.Truncate(day).Add(day)
	}
	if source != "" {
		query += ` AND source = ?`
		args = append(args, source)
	}
	return scanAll(l.reads.WithContext(ctx).Raw(query+` GROUP BY 1, 2, 3`, args...), func(rows *sql.Rows) error {
		var key LagKey
		var bucket int
		var n, inFlight, first int64
		if err := rows.Scan(&key.Source, &key.Type, &bucket, &n, &inFlight, &first); err != nil || bucket < 0 || bucket >= dedup.LagBuckets {
			return err
		}
		if report.Lags[key] == nil {
			report.Lags[key] = &advise.Lags{}
		}
		// A source or type that is younger than the range was watched for less of it: since the day of its first repeat.
		watched := min(report.Until.Sub(report.Since), report.Until.Sub(time.Unix(first, 0)))
		report.Lags[key].Put(bucket, n, inFlight, watched)
		return nil
	})
}

// countFirsts counts over the hours of the range.
func (l *Ledger) countFirsts(ctx context.Context, report *LagReport, source string) error {
	tallies, err := l.tallies(ctx, report.Since.Truncate(time.Hour), report.Until, day, source)
	for _, t := range tallies {
		if t.reason == string(dedup.ReasonFirstSeen) {
			report.Events[t.source] += t.count
		}
	}
	return err
}

// LateHits lists the latest repeats of a source that only the database caught, newest first. An empty type is all; "other" is
// all that are not Apify's. Errors: [dedup.ErrUnavailable].
func (l *Ledger) LateHits(ctx context.Context, r view.Range, key LagKey, limit int) ([]view.Receipt, error) {
	list := []view.Receipt{}
	if !searchable(key.Source, key.Type) {
		return list, nil
	}
	// The reason stands in the text: with a parameter no plan could count on the index of rare reasons.
	db := between(l.reads.WithContext(ctx).Where("reason = 'ledger_hit'"), "received_at", r)
	db = equals(db, [2]string{"source", key.Source})
	switch key.Type {
	case "":
	case otherType:
		db = db.Where("type NOT IN ?", apifyTypes())
	default:
		db = db.Where("type = ?", key.Type)
	}
	var rows []receiptRow
	if err := db.Order("received_at DESC, id DESC").Limit(view.ClampLimit(limit)).Find(&rows).Error; err != nil {
		return list, translate("list late hits", err)
	}
	for i := range rows {
		list = append(list, rows[i].view())
	}
	return list, nil
}

const otherType = "other"

// apifyTypes are the types with a histogram of their own.
func apifyTypes() []string {
	var types []string
	for _, of := range []struct {
		what string
		ends []string
	}{
		{"ACTOR.RUN.", []string{"CREATED", "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "RESURRECTED"}},
		{"ACTOR.BUILD.", []string{"CREATED", "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"}},
	} {
		for _, end := range of.ends {
			types = append(types, of.what+end)
		}
	}
	return append(types, "TEST")
}

// EventMark is what an event is remembered by.
type EventMark struct {
	Key  dedup.Key
	Type string // as in [LagKey]
}

// LatestEvents gives the newest events, newest first: a cheap look at what the traffic is like. Errors:
// [dedup.ErrUnavailable].
func (l *Ledger) LatestEvents(ctx context.Context, limit int) ([]EventMark, error) {
	var list []EventMark
	query := l.reads.WithContext(ctx).Raw("SELECT source, event_key, type FROM events ORDER BY id DESC LIMIT ?", limit)
	err := scanAll(query, func(rows *sql.Rows) error {
		var m EventMark
		err := rows.Scan(&m.Key.Source, &m.Key.Event, &m.Type)
		m.Type = lagType(m.Type)
		list = append(list, m)
		return err
	})
	return list, translate("read latest events", err)
}

package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// resultColumns have names of their own: an UPDATE sees them beside those of deliveries.
func resultColumns() []column[delivery.Result] {
	return []column[delivery.Result]{
		ids("delivery", func(r *delivery.Result) dedup.ID { return r.DeliveryID }),
		number("number", func(r *delivery.Result) int64 { return int64(r.Number) }),
		text("result", func(r *delivery.Result) string { return string(r.State) }),
		number("status", func(r *delivery.Result) int64 { return int64(r.Status) }),
		text("error", func(r *delivery.Result) string { return r.Error }),
		moment("next", func(r *delivery.Result) time.Time { return r.Next }),
		moment("at", func(r *delivery.Result) time.Time { return r.StartedAt.Add(r.Took) }),
	}
}

// ended is what finished attempts are counted by.
type ended struct{ destination, state string }

// Finish stores attempts and moves their deliveries on. A result counts while its attempt is the delivery's newest and
// under way; a 2xx counts also later, unless the delivery was cancelled. The attempt is kept in any case. A delivery that is
// to be tried again gets a new job with it. The same results again change nothing. Errors: [dedup.ErrUnavailable], [dedup.ErrContended], [dedup.ErrRejected], [dedup.ErrUnclear].
func (l *Ledger) Finish(ctx context.Context, results []delivery.Result) error {
	if len(results) == 0 {
		return nil
	}
	results = inOrder(results)
	shard := l.shards.take()
	defer l.shards.give(shard)
	_, err := l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		w := writer{tx, l.dialect, l.statements, shard}
		again, err := w.finish(results, l.now())
		if err == nil {
			err = l.poster(tx, pinned)(again)
		}
		return translate("finish attempts", err)
	})
	return err
}

// inOrder sorts a copy by id, which is the order in which deliveries are locked, and makes its texts storable. Of two
// results for one attempt the last counts.
func inOrder(results []delivery.Result) []delivery.Result {
	results = slices.Clone(results)
	slices.SortStableFunc(results, func(a, b delivery.Result) int {
		if byID := bytes.Compare(a.DeliveryID[:], b.DeliveryID[:]); byID != 0 {
			return byID
		}
		return a.Number - b.Number
	})
	slices.Reverse(results)
	results = slices.CompactFunc(results, func(a, b delivery.Result) bool { return a.DeliveryID == b.DeliveryID && a.Number == b.Number })
	slices.Reverse(results)
	for i := range results {
		results[i].Error = storable(results[i].Error)
		results[i].StartedAt, results[i].Next = results[i].StartedAt.UTC(), results[i].Next.UTC()
	}
	return results
}

// finish returns the deliveries that are to be tried again.
func (w writer) finish(results []delivery.Result, now time.Time) (again []delivery.Due, err error) {
	attempts := make([]attemptRow, len(results))
	for i := range results {
		attempts[i] = newAttempt(&results[i].Attempt)
	}
	err = w.dialect.planAfresh(w.tx)
	if err == nil {
		err = w.statements.deliveries.keep.exec(w.tx, w.dialect, attempts)
	}
	counts := make(map[ended]int64)
	if err == nil {
		err = w.statements.deliveries.finish.query(w.tx, w.dialect, results, func(back *sql.Rows) error {
			var row deliveryRow
			err := back.Scan(&row.ID, &row.EventID, &row.Destination, &row.State, &row.Job, &row.NextAttemptAt)
			counts[ended{row.Destination, row.State}]++
			if row.State == string(delivery.Retrying) {
				due := row.due()
				due.At = valueOf(row.NextAttemptAt)
				again = append(again, due)
			}
			return err
		})
	}
	if err == nil {
		err = w.statements.deliveries.end.exec(w.tx, w.dialect, results)
	}
	if err == nil {
		err = w.countAttempts(counts, now)
	}
	return again, err
}

func newAttempt(a *delivery.Attempt) attemptRow {
	return attemptRow{
		DeliveryID: rowID(a.DeliveryID), Number: a.Number, Status: a.Status, TookMillis: a.Took.Milliseconds(),
		StartedAt: a.StartedAt, Error: a.Error, Answer: a.Answer[:min(len(a.Answer), delivery.AnswerKept)],
	}
}

func (w writer) countAttempts(counts map[ended]int64, now time.Time) error {
	rows := make([]attemptRollupRow, 0, len(counts))
	for t, n := range counts {
		rows = append(rows, attemptRollupRow{now.UTC().Truncate(time.Minute), t.destination, t.state, w.shard, n})
	}
	return w.statements.deliveries.count.exec(w.tx, w.dialect, rows)
}

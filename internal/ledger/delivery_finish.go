package ledger

import (
	"bytes"
	"context"
	"slices"
	"time"

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
// to be tried again gets a new job with it. The same results again change nothing. Errors: [dedup.ErrUnavailable],
// [dedup.ErrContended], [dedup.ErrRejected], [dedup.ErrUnclear].
func (l *Ledger) Finish(ctx context.Context, results []delivery.Result) error {
	if len(results) == 0 {
		return nil
	}
	results = inOrder(results)
	shard := l.shards.take()
	defer l.shards.give(shard)
	return l.piped(ctx, "finish attempts", func(p pipeline) error { return l.finish(p, results, shard) })
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

func (l *Ledger) finish(p pipeline, results []delivery.Result, shard int32) error {
	attempts := make([]attemptRow, len(results))
	for i := range results {
		attempts[i] = newAttempt(&results[i].Attempt)
	}
	s := &l.statements.deliveries
	counts := make(map[ended]int64)
	var again []delivery.Due
	p.add(l.dialect.plannedAfresh(), nil, nil)
	s.keep.addTo(p, l.dialect, attempts, nil)
	s.finish.addTo(p, l.dialect, results, func(back scanner) error {
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
	s.end.addTo(p, l.dialect, results, nil)
	if err := p.flush(); err != nil {
		return err
	}
	s.count.addTo(p, l.dialect, attemptRollups(counts, l.now(), shard), nil)
	for part := range slices.Chunk(again, mostDue) {
		if err := p.enqueue(l.outbox, part); err != nil {
			return err
		}
	}
	return nil
}

func newAttempt(a *delivery.Attempt) attemptRow {
	return attemptRow{
		DeliveryID: rowID(a.DeliveryID), Number: a.Number, Status: a.Status, TookMillis: a.Took.Milliseconds(),
		StartedAt: a.StartedAt, Error: a.Error, Answer: a.Answer[:min(len(a.Answer), delivery.AnswerKept)],
	}
}

func attemptRollups(counts map[ended]int64, now time.Time, shard int32) []attemptRollupRow {
	rows := make([]attemptRollupRow, 0, len(counts))
	for t, n := range counts {
		rows = append(rows, attemptRollupRow{now.UTC().Truncate(time.Minute), t.destination, t.state, shard, n})
	}
	return rows
}

package ledger

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// countLast adds new receipts to the counters: hits of events, receipts by minute, lags of repeats. It ends the transaction
// where its COMMIT can travel along.
func (w writer) countLast(fresh []receiptRow, hits map[dedup.ID]int64) error {
	if len(fresh) == 0 {
		return nil
	}
	counted, sums, lags := hitCounts(hits), w.rollups(fresh), w.lags(fresh)
	if w.dialect.hasArrays() {
		return w.last(w.statements.rollups.carry(w.dialect, sums).along(
			w.statements.windowHits.carry(w.dialect, counted), w.statements.lags.carry(w.dialect, lags)))
	}
	if err := w.statements.windowHits.exec(w.tx, w.dialect, counted); err != nil {
		return err
	}
	if err := w.statements.rollups.exec(w.tx, w.dialect, sums); err != nil {
		return err
	}
	return w.statements.lags.exec(w.tx, w.dialect, lags)
}

// hitCounts are in the order in which every batch locks their rows.
func hitCounts(hits map[dedup.ID]int64) []hitCount {
	rows := make([]hitCount, 0, len(hits))
	for event, n := range hits {
		rows = append(rows, hitCount{event, n})
	}
	slices.SortFunc(rows, func(a, b hitCount) int { return bytes.Compare(a.event[:], b.event[:]) })
	return rows
}

func (w writer) rollups(fresh []receiptRow) []rollupRow {
	sums := make(map[rollupRow]int64)
	for i := range fresh {
		r := &fresh[i]
		sums[rollupRow{
			Minute: r.ReceivedAt.UTC().Truncate(time.Minute), Source: r.Source, Outcome: r.Outcome, Reason: r.Reason,
			Repeat: r.Repeat, Shard: int(w.shard),
		}]++
	}
	rows := make([]rollupRow, 0, len(sums))
	for row, n := range sums {
		row.Count = n
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b rollupRow) int {
		return cmp.Or(a.Minute.Compare(b.Minute), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Outcome, b.Outcome),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Repeat, b.Repeat))
	})
	return rows
}

func (w writer) lags(fresh []receiptRow) []lagRow {
	sums := make(map[lagRow]lagCount)
	for i := range fresh {
		r := &fresh[i]
		if r.LagMillis == nil {
			continue
		}
		row := lagRow{
			Day: r.ReceivedAt.UTC().Truncate(day), Source: r.Source, EventType: lagType(r.Type),
			Bucket: dedup.LagBucket(time.Duration(*r.LagMillis) * time.Millisecond), Shard: int(w.shard),
		}
		sum := sums[row]
		sum.all++
		if r.Reason == string(dedup.ReasonRaceLost) {
			sum.inFlight++
		}
		sums[row] = sum
	}
	rows := make([]lagRow, 0, len(sums))
	for row, n := range sums {
		row.Count, row.InFlight = n.all, n.inFlight
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b lagRow) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Source, b.Source), cmp.Compare(a.EventType, b.EventType), cmp.Compare(a.Bucket, b.Bucket))
	})
	return rows
}

// lagCount is a number of repeats, and how many of them came while the first was still being decided.
type lagCount struct{ all, inFlight int64 }

// lagType keeps the histogram's types a closed list: Apify's, and one word for all that senders make up.
func lagType(eventType string) string {
	switch eventType {
	case "ACTOR.RUN.CREATED", "ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.FAILED", "ACTOR.RUN.ABORTED", "ACTOR.RUN.TIMED_OUT",
		"ACTOR.RUN.RESURRECTED", "ACTOR.BUILD.CREATED", "ACTOR.BUILD.SUCCEEDED", "ACTOR.BUILD.FAILED",
		"ACTOR.BUILD.ABORTED", "ACTOR.BUILD.TIMED_OUT", "TEST":
		return eventType
	}
	return "other"
}

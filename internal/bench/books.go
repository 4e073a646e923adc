package main

import (
	"context"
	"fmt"
	"time"
)

// books are the numbers that must follow from the requests sent.
type books struct {
	Events     int64 // rows
	Runs       int64 // rows
	Receipts   int64 // rows
	Rollups    int64 // receipts, as the rollups sum them up
	Hits       int64 // duplicates, as the events count them
	Quarantine int64 // rows
	Strays     int64 // receipts in the partition for those that have no day of their own
}

// tell adds what n first deliveries must leave behind.
func (b *books) tell(n int64) {
	b.Events += n
	b.Runs += n
	b.Receipts += n
	b.Rollups += n
}

// repeat adds what n duplicates must leave behind.
func (b *books) repeat(n int64) {
	b.Receipts += n
	b.Rollups += n
	b.Hits += n
}

// readBooks counts the rows of every table.
func (s *stage) readBooks(ctx context.Context) (b books, err error) {
	err = s.db.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM events), (SELECT count(*) FROM runs), (SELECT count(*) FROM receipts),
		(SELECT coalesce(sum(count), 0)::bigint FROM rollups),
		(SELECT coalesce(sum(hits), 0)::bigint FROM (SELECT hits FROM events UNION ALL SELECT hits FROM window_hits) AS counted),
		(SELECT count(*) FROM quarantine), (SELECT count(*) FROM receipts_default)`,
	).Scan(&b.Events, &b.Runs, &b.Receipts, &b.Rollups, &b.Hits, &b.Quarantine, &b.Strays)
	if err != nil {
		return b, fmt.Errorf("count the gateway's rows: %w", err)
	}
	return b, nil
}

// checkBooks compares what is in the tables with what was sent and says what differs, or "". What was found is what the
// next check starts from.
func (s *stage) checkBooks(ctx context.Context, after string) (difference string, err error) {
	got, err := s.readBooks(ctx)
	if err != nil {
		return "", err
	}
	if got != s.want {
		difference = fmt.Sprintf("after %s the tables hold %+v, the requests sent make %+v", after, got, s.want)
	}
	s.want = got
	return difference, nil
}

const (
	// drainPatience is how long the receipts of repeats, or deliveries, may take.
	drainPatience = 5 * time.Minute
	drainPoll     = 20 * time.Millisecond
)

// awaitReceipts waits until every request sent is a receipt. It watches the rollups, which are written in the same
// transaction and cost nothing to sum; the caller counts the rows afterwards.
func (s *stage) awaitReceipts(ctx context.Context) error {
	_, err := await(ctx, "receipts", s.want.Rollups, func(ctx context.Context) (have int64, err error) {
		if err = s.db.QueryRow(ctx, `SELECT coalesce(sum(count), 0)::bigint FROM rollups`).Scan(&have); err != nil {
			err = fmt.Errorf("wait for receipts: %w", err)
		}
		return have, err
	})
	return err
}

// await asks until there are as many as wanted, and returns how many there are.
func await(ctx context.Context, what string, want int64, count func(context.Context) (int64, error)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for {
		have, err := count(ctx)
		if err != nil || have >= want {
			return have, err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return have, fmt.Errorf("wait for %s: %d of %d after %v: %w", what, have, want, drainPatience, ctx.Err())
		}
	}
}

package dedup_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// hitQueue is a source and a sink whose every step can be made to fail.
type hitQueue struct {
	steps
	waiting []dedup.Hit
	stored  []dedup.Hit
	record  func([]dedup.Hit) error
	done    func() error
}

func (q *hitQueue) ReadHits(ctx context.Context, limit int) (dedup.HitBatch, error) {
	if len(q.waiting) == 0 {
		sleepCtx(ctx, time.Second)
		return dedup.HitBatch{}, nil
	}
	q.add("read")
	return dedup.HitBatch{Hits: q.waiting[:min(limit, len(q.waiting))]}, nil
}

func sleepCtx(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (q *hitQueue) DoneHits(ctx context.Context, batch dedup.HitBatch) error {
	q.add("done")
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if q.done != nil {
		if err := q.done(); err != nil {
			return err
		}
	}
	q.waiting = q.waiting[len(batch.Hits):]
	return nil
}

func (q *hitQueue) RecordHits(_ context.Context, hits []dedup.Hit) error {
	q.add("record")
	if q.record != nil {
		if err := q.record(hits); err != nil {
			return err
		}
	}
	q.stored = append(q.stored, hits...)
	return nil
}

type silentObserver struct{}

func (silentObserver) Observed(dedup.Operation, int, time.Duration, bool) {}

func drainer(q *hitQueue) *dedup.Drainer {
	return &dedup.Drainer{Source: q, Sink: q, Batch: 10, Observer: silentObserver{}, Log: slog.New(slog.DiscardHandler)}
}

func someHits(n int) []dedup.Hit {
	hits := make([]dedup.Hit, n)
	for i := range hits {
		now := time.Now()
		hits[i] = dedup.Hit{ReceiptID: dedup.NewID(now), ReceivedAt: now, Source: "apify", EventID: dedup.NewID(now), Type: "T", DispatchID: "d"}
	}
	return hits
}

func TestDrainerForgetsOnlyWhatIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &hitQueue{waiting: someHits(25)}
		want := slices.Clone(q.waiting)
		failures := 3
		q.record = func([]dedup.Hit) error {
			if failures > 0 {
				failures--
				return dedup.ErrUnavailable
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		drainer(q).Run(ctx)
		if !slices.Equal(q.stored, want) {
			t.Errorf("stored %d of %d hits, or in another order", len(q.stored), len(want))
		}
		const order = "[read record read record read record read record done read record done read record done]"
		if got := q.String(); got != order {
			t.Errorf("steps %s", got)
		}
	})
}

func TestDrainerRepeatsWhatItCouldNotAcknowledge(t *testing.T) {
	t.Parallel()
	q := &hitQueue{waiting: someHits(1)}
	failed := errors.New("connection lost")
	q.done = func() error { return failed }
	d := drainer(q)
	if _, err := d.Step(t.Context()); !errors.Is(err, failed) {
		t.Fatalf("got %v", err)
	}
	q.done = nil
	if _, err := d.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(q.stored) != 2 || q.stored[0] != q.stored[1] {
		t.Error("the hit must be offered again with the same receipt id: the ledger folds it")
	}
}

func TestDrainerAcknowledgesWhileShuttingDown(t *testing.T) {
	t.Parallel()
	q := &hitQueue{waiting: someHits(1)}
	ctx, cancel := context.WithCancel(t.Context())
	q.record = func([]dedup.Hit) error { cancel(); return nil }
	if _, err := drainer(q).Step(ctx); err != nil || len(q.waiting) != 0 {
		t.Errorf("committed but not acknowledged: %v", err)
	}
}

func TestDrainerKeepsTheReceiptOfARefusedHit(t *testing.T) {
	t.Parallel()
	q := &hitQueue{waiting: someHits(8)}
	q.waiting[5].Type = "poison"
	q.record = func(hits []dedup.Hit) error {
		for _, h := range hits {
			if h.Type == "poison" {
				return dedup.ErrRejected
			}
		}
		return nil
	}
	poisoned := q.waiting[5].ReceiptID
	if n, err := drainer(q).Step(t.Context()); err != nil || n != 8 {
		t.Fatalf("n=%d err=%v", n, err)
	}
	if len(q.stored) != 8 {
		t.Fatalf("stored %d of 8", len(q.stored))
	}
	at := slices.IndexFunc(q.stored, func(h dedup.Hit) bool { return h.ReceiptID == poisoned })
	if at < 0 || q.stored[at].Type != "" {
		t.Error("the refused hit's receipt was not stored without its text")
	}
}

func TestDrainerRestsWhileSendersWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		busy func() bool
		want time.Duration // for 20 hits in two batches that take 5 ms each
	}{
		"nobody waits":    {func() bool { return false }, 10 * time.Millisecond},
		"nobody can tell": {nil, 10 * time.Millisecond},
		"senders wait":    {func() bool { return true }, 160 * time.Millisecond}, // thirty times the first one between them
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := &hitQueue{waiting: someHits(20)}
				ctx, stop := context.WithCancel(t.Context())
				start := time.Now()
				var took time.Duration
				q.record = func([]dedup.Hit) error {
					time.Sleep(5 * time.Millisecond)
					if len(q.waiting) == 10 {
						took = time.Since(start)
						stop()
					}
					return nil
				}
				d := drainer(q)
				d.Busy = c.busy
				d.Run(ctx)
				if took != c.want {
					t.Errorf("took %s, want %s", took, c.want)
				}
			})
		})
	}
}

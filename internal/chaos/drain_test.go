package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// dyingSource is a process that is killed after the ledger's commit, before Redis learns of it.
type dyingSource struct{ dedup.HitSource }

var errKilled = errors.New("killed between commit and acknowledgement")

func (dyingSource) DoneHits(context.Context, dedup.HitBatch) error { return errKilled }

type silentObserver struct{}

func (silentObserver) Observed(dedup.Operation, int, time.Duration, bool) {}

func TestADrainerKilledBeforeItsAcknowledgementStoresNoRowTwice(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	opts := ledger.Options{URL: testkit.Postgres(t)}
	if _, err := ledger.Migrate(ctx, opts); err != nil {
		t.Fatal(err)
	}
	books, err := ledger.Open(ctx, opts, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = books.Close() })
	addr := testkit.Redis(t)
	open := func() *redisfront.Front {
		front, err := redisfront.Open(ctx, redisfront.Options{
			Mode: redisfront.ModeSingle, Addrs: []string{addr}, LedgerID: func() string { return "chaos" },
			ReclaimAfter: 100 * time.Millisecond, Timeout: time.Second, Log: testkit.Logger(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = front.Close() })
		return front
	}
	drainer := func(s dedup.HitSource) *dedup.Drainer {
		return &dedup.Drainer{Source: s, Sink: books, Batch: 100, Observer: silentObserver{}, Log: slog.New(slog.DiscardHandler)}
	}

	now := time.Now().UTC().Truncate(time.Millisecond)
	hits := make([]dedup.Hit, 250)
	for i := range hits {
		hits[i] = dedup.Hit{
			ReceiptID: dedup.NewID(now), ReceivedAt: now, Source: "apify", EventID: dedup.NewID(now.Add(-time.Minute)),
			Type: "ACTOR.RUN.SUCCEEDED", DispatchID: "d", Repeat: dedup.RepeatRetry, RemoteIP: "127.0.0.1",
		}
	}
	first, second := open(), open()
	if err := first.Append(ctx, hits); err != nil {
		t.Fatal(err)
	}
	if _, err := drainer(dyingSource{first}).Step(ctx); !errors.Is(err, errKilled) {
		t.Fatalf("the dying drainer's step: %v", err)
	}
	if err := count(ctx, books, 100); err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		if _, err := drainer(second).Step(ctx); err != nil {
			return err
		}
		waiting, err := second.HitsWaiting(ctx)
		if err != nil || waiting > 0 {
			return fmt.Errorf("%d hits wait, %w", waiting, err)
		}
		return nil
	})
	if err := count(ctx, books, int64(len(hits))); err != nil {
		t.Error(err)
	}
}

// count compares the receipts, by the rollups and by the rows, with what should be there.
func count(ctx context.Context, books *ledger.Ledger, want int64) error {
	stats, err := books.Stats(ctx, view.Range{})
	if err != nil {
		return err
	}
	rows, cursor := int64(0), ""
	for {
		page, err := books.Receipts(ctx, view.ReceiptQuery{Paging: view.Paging{Limit: view.MaxLimit, Cursor: cursor}})
		if err != nil {
			return err
		}
		rows += int64(len(page.Items))
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if stats.Receipts != want || rows != want {
		return fmt.Errorf("%d receipts by the rollups and %d rows, want %d", stats.Receipts, rows, want)
	}
	return nil
}

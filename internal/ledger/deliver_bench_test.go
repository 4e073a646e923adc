package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// noJobs routes but makes no jobs: what is measured is the ledger's own.
type noJobs struct{ *jobs }

func (noJobs) EnqueuePostgres(context.Context, pgx.Tx, []delivery.Due) error { return nil }
func (noJobs) EnqueueSQLite(context.Context, *sql.Tx, []delivery.Due) error  { return nil }
func (noJobs) WithdrawPostgres(context.Context, pgx.Tx, []dedup.ID) error    { return nil }
func (noJobs) WithdrawSQLite(context.Context, *sql.Tx, []dedup.ID) error     { return nil }

// BenchmarkRecordForwarding is BenchmarkRecord's first/64 with and without a destination. Its unit is one batch.
func BenchmarkRecordForwarding(b *testing.B) {
	server := testkit.StartPostgres(b)
	for _, destinations := range []int{0, 1, 2} {
		l := openMigrated(b, Options{URL: server.Database()})
		var names []string
		for n := range destinations {
			names = append(names, fmt.Sprint("app", n))
		}
		if destinations > 0 {
			l.SetOutbox(&noJobs{&jobs{route: to(names...)}})
		}
		story := newStory(b)
		b.Run(fmt.Sprintf("destinations=%d", destinations), func(b *testing.B) {
			recordAll(b, 64, func(batch []*dedup.Entry) error { return record(b, l, batch) }, story.next)
		})
	}
}

// BenchmarkDeliver begins and finishes deliveries in batches, from as many workers as are under way at once. Its unit is
// one batch; deliveries/s is what counts.
func BenchmarkDeliver(b *testing.B) {
	server := testkit.StartPostgres(b)
	l := openMigrated(b, Options{URL: server.Database()})
	l.SetOutbox(&noJobs{&jobs{route: to("app")}})
	story := newStory(b)
	for _, size := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ids := deliverable(b, l, story, b.N*size)
			timed(b, size, "deliveries", "delivery", func(i int) error {
				return deliver(b.Context(), l, ids[i*size:(i+1)*size])
			})
		})
	}
}

// deliverable makes n deliveries.
func deliverable(b *testing.B, l *Ledger, story *story, n int) []dedup.ID {
	b.Helper()
	from := time.Now()
	for made := 0; made < n; {
		batch := make([]*dedup.Entry, min(100, n-made))
		for i := range batch {
			batch[i] = story.next()
		}
		if err := record(b, l, batch); err != nil {
			b.Fatal(err)
		}
		made += len(batch)
	}
	var keys []rowID
	err := l.db.Model(&deliveryRow{}).Where("id >= ?", firstID(from.Truncate(time.Millisecond))).Order("id").Limit(n).Pluck("id", &keys).Error
	if err != nil || len(keys) != n {
		b.Fatalf("%d deliveries of %d, error %v", len(keys), n, err)
	}
	ids := make([]dedup.ID, n)
	for i, k := range keys {
		ids[i] = dedup.ID(k)
	}
	return ids
}

func deliver(ctx context.Context, l *Ledger, ids []dedup.ID) error {
	claims := make([]delivery.Claim, len(ids))
	for i, id := range ids {
		claims[i].Delivery = id
	}
	begun, err := l.Begin(ctx, claims)
	if err != nil {
		return err
	}
	results := make([]delivery.Result, len(begun.Shipments))
	for i, s := range begun.Shipments {
		results[i] = delivery.Result{
			Attempt: delivery.Attempt{DeliveryID: s.ID, Number: s.Attempt, StartedAt: time.Now(), Took: time.Millisecond, Status: 200, Answer: []byte("ok")},
			State:   delivery.Delivered,
		}
	}
	return l.Finish(ctx, results)
}

package forward

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// BenchmarkEnqueue is what forwarding costs the path of receiving: jobs of a batch, in a transaction of its own.
func BenchmarkEnqueue(b *testing.B) {
	for _, size := range []int{1, 16, 100} {
		for name, open := range map[string]func(testing.TB) *bed{"postgres": postgresBed, "sqlite": sqliteBed} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				bed := open(b)
				f, err := New(bed.options)
				must(b, err)
				shipments := shipmentsFor("app", size)
				for b.Loop() {
					bed.jobsFor(f, shipments...)
				}
				b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			})
		}
	}
}

// BenchmarkDeliver hands on what is waiting to a receiver beside it.
func BenchmarkDeliver(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *bed{"postgres": postgresBed, "sqlite": sqliteBed} {
		b.Run(name, func(b *testing.B) {
			bed := open(b)
			bed.options.Log = slog.New(slog.DiscardHandler)
			d := destinationAt(b, "app", newSink(b, nil).URL)
			d.Concurrency = 16
			f := bed.start()
			for part := range slices.Chunk(shipmentsFor("app", b.N), 1000) {
				bed.enqueue(f, part...)
			}
			b.ResetTimer()
			must(b, f.SetDestinations([]*delivery.Destination{d}))
			bed.store.settled(b, 5*time.Minute)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkWake is the time from the commit to the request at the receiver, one event after the other.
func BenchmarkWake(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *bed{"postgres": postgresBed, "sqlite": sqliteBed} {
		b.Run(name, func(b *testing.B) {
			bed := open(b)
			bed.options.Log = slog.New(slog.DiscardHandler)
			sink := newSink(b, nil)
			f := bed.start(destinationAt(b, "app", sink.URL))
			bed.enqueue(f, shipmentFor("app"))
			sink.next(b, 10*time.Second)
			var waits []time.Duration
			for b.Loop() {
				bed.enqueue(f, shipmentFor("app"))
				committed := time.Now()
				waits = append(waits, sink.next(b, 10*time.Second).at.Sub(committed))
				wait(context.Background(), 15*time.Millisecond) // as events come, not one upon the other's heels
			}
			slices.Sort(waits)
			b.ReportMetric(waits[len(waits)/2].Seconds()*1000, "p50-ms")
			b.ReportMetric(waits[len(waits)*99/100].Seconds()*1000, "p99-ms")
		})
	}
}

package redisfront_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// sizes are those of the batches that the group commit makes.
var sizes = []int{1, 16, 64}

// apifyKey is as long as Apify's are.
func apifyKey(n int) dedup.Key {
	return dedup.Key{Source: "apify", Event: dedup.Compose("r", fmt.Sprintf("ojue2pKv%09d", n), "1789373061640", "S")}
}

func BenchmarkClaim(b *testing.B) {
	f := openSingle(b, testkit.Redis(b))
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			reqs := make([]dedup.ClaimRequest, size)
			for i := range reqs {
				reqs[i] = dedup.ClaimRequest{Key: apifyKey(i), Token: dedup.NewID(time.Now()), Lease: 15 * time.Second}
			}
			perEvent(b, size, func() { f.Claim(context.Background(), reqs) })
		})
	}
}

func BenchmarkSettle(b *testing.B) {
	f := openSingle(b, testkit.Redis(b))
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			marks := make([]dedup.Settlement, size)
			for i := range marks {
				marks[i] = dedup.Settlement{Key: apifyKey(i), Mark: newMark(), Window: 72 * time.Hour}
			}
			perEvent(b, size, func() { must(b, f.Settle(context.Background(), marks)) })
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	f := open(b, redisfront.Options{Addrs: []string{testkit.Redis(b)}, LedgerID: ledger(b), HitsCap: 1 << 40})
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			hits := make([]dedup.Hit, size)
			for i := range hits {
				hits[i] = newHit("apify")
			}
			perEvent(b, size, func() { must(b, f.Append(context.Background(), hits)) })
			must(b, f.Client().FlushAll(context.Background()).Err())
		})
	}
}

// BenchmarkDrain reads and finishes hits in batches of 1000, as the drainer does.
func BenchmarkDrain(b *testing.B) {
	const size = 1000
	f := open(b, redisfront.Options{Addrs: []string{testkit.Redis(b)}, LedgerID: ledger(b), HitsCap: 1 << 40})
	hits := make([]dedup.Hit, size)
	for i := range hits {
		hits[i] = newHit("apify")
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		must(b, f.Append(context.Background(), hits))
		b.StartTimer()
		batch, err := f.ReadHits(context.Background(), size)
		must(b, err)
		must(b, f.DoneHits(context.Background(), batch))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/hit")
}

func perEvent(b *testing.B, size int, do func()) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		do()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
}

// TestMemoryOfASettledEvent holds the promise of at most 200 bytes of Redis an event, all told.
func TestMemoryOfASettledEvent(t *testing.T) {
	t.Parallel()
	const events, batch, most = 100_000, 1000, 200
	f := openSingle(t, testkit.StartRedis(t).Addr())
	before := usedMemory(t, f)
	marks := make([]dedup.Settlement, batch)
	for done := 0; done < events; done += batch {
		for i := range marks {
			marks[i] = dedup.Settlement{Key: apifyKey(done + i), Mark: newMark(), Window: 72 * time.Hour}
		}
		must(t, f.Settle(t.Context(), marks))
	}
	each := float64(usedMemory(t, f)-before) / events
	key := redisfront.ClaimKey(apifyKey(0))
	alone, err := f.Client().MemoryUsage(t.Context(), key).Result()
	must(t, err)
	t.Logf("a settled event costs %.1f bytes of Redis (key of %d bytes, value of %d, MEMORY USAGE %d)",
		each, len(key), len(f.Client().Get(t.Context(), key).Val()), alone)
	if each > most {
		t.Errorf("a settled event costs %.1f bytes of Redis, more than %d", each, most)
	}
}

func usedMemory(t *testing.T, f *redisfront.Front) int64 {
	t.Helper()
	info, err := f.Client().Info(t.Context(), "memory").Result()
	must(t, err)
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			n, err := strconv.ParseInt(value, 10, 64)
			must(t, err)
			return n
		}
	}
	t.Fatal("the server does not tell its memory")
	return 0
}

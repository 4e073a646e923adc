package ledger

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// committers is how many batches are under way at once, as a gateway does it by default.
const committers = 2

// BenchmarkRecord records whole batches on a PostgreSQL with fsync on. Its unit is one batch; entries/s is what counts.
func BenchmarkRecord(b *testing.B) {
	server := testkit.StartPostgres(b)
	benchmarkRecord(b, func() Options { return Options{URL: server.Database()} })
}

func BenchmarkRecordSQLite(b *testing.B) {
	dir := b.TempDir()
	benchmarkRecord(b, func() Options { return Options{Path: filepath.Join(dir, rand.Text())} })
}

func benchmarkRecord(b *testing.B, newDatabase func() Options) {
	b.Helper()
	for _, size := range []int{1, 16, 64, 128} {
		l := openMigrated(b, newDatabase())
		story := newStory(b)
		b.Run(fmt.Sprintf("first/%d", size), func(b *testing.B) {
			recordAll(b, size, func(batch []*dedup.Entry) error { return record(b, l, batch) }, story.next)
		})
		told := story.told()
		b.Run(fmt.Sprintf("repeat/%d", size), func(b *testing.B) {
			var n atomic.Int64
			recordAll(b, size, func(batch []*dedup.Entry) error { return record(b, l, batch) }, func() *dedup.Entry {
				return repeat(told[int(n.Add(1))%len(told)], time.Second)
			})
		})
	}
}

func BenchmarkRecordHits(b *testing.B) {
	server := testkit.StartPostgres(b)
	l := openMigrated(b, Options{URL: server.Database()})
	story := newStory(b)
	for len(story.all) < 20_000 {
		batch := make([]*dedup.Entry, 100)
		for i := range batch {
			batch[i] = story.next()
		}
		if err := record(b, l, batch); err != nil {
			b.Fatal(err)
		}
	}
	told := story.told()
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var n atomic.Int64
			recordAll(b, size, func(batch []*dedup.Entry) error {
				hits := make([]dedup.Hit, len(batch))
				for i, e := range batch {
					hits[i] = dedup.Hit{
						ReceiptID: e.ReceiptID, ReceivedAt: e.ReceivedAt, Source: e.Key.Source, EventID: e.Claim.Mark.EventID,
						Type: e.Type, DispatchID: e.DispatchID, Repeat: dedup.RepeatTwin, RemoteIP: e.RemoteIP,
					}
				}
				return l.RecordHits(b.Context(), hits)
			}, func() *dedup.Entry {
				first := told[int(n.Add(1))%len(told)]
				again := repeat(first, time.Second)
				again.Claim.Mark.EventID = first.EventID
				return again
			})
		})
	}
}

func record(b *testing.B, l *Ledger, batch []*dedup.Entry) error {
	b.Helper()
	_, _, err := l.Record(b.Context(), batch)
	return err
}

// recordAll records b.N batches and reports entries a second and this process's CPU time an entry.
func recordAll(b *testing.B, size int, record func([]*dedup.Entry) error, next func() *dedup.Entry) {
	b.Helper()
	batches := make([][]*dedup.Entry, b.N)
	for i := range batches {
		for range size {
			batches[i] = append(batches[i], next())
		}
	}
	b.ReportAllocs()
	timed(b, size, "entries", "entry", func(i int) error {
		return uncontended(func() error { return record(batches[i]) })
	})
}

// timed does b.N batches of a size, as many at once as there are committers, and reports how many elements a second and
// this process's CPU time for one.
func timed(b *testing.B, size int, elements, element string, do func(i int) error) {
	b.Helper()
	before := cpuTime(b)
	b.ResetTimer()
	var wg sync.WaitGroup
	var n atomic.Int64
	for range committers {
		wg.Go(func() {
			for i := int(n.Add(1)) - 1; i < b.N; i = int(n.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := float64(b.N * size)
	b.ReportMetric(all/b.Elapsed().Seconds(), elements+"/s")
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1000/all, "client-µs/"+element)
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// story is what Apify tells: a run is created and succeeds, with the bodies that it sends.
type story struct {
	mu      sync.Mutex
	created []byte
	ended   []byte
	all     []*dedup.Entry
}

func newStory(b *testing.B) *story {
	s := &story{}
	for name, body := range map[string]*[]byte{"created": &s.created, "succeeded": &s.ended} {
		var err error
		if *body, err = os.ReadFile("../samples/testdata/" + name + ".json"); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func (s *story) next() *dedup.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.all)
	id := fmt.Sprintf("run%014d", n/2)
	at := time.Now()
	e := newEntry(at, dedup.Compose("r", id, "", "C"), id)
	e.Body, e.ActorID, e.Headers = s.created, "moJRLRc85AitArpNN", []byte(`{"X-Apify-Webhook":"true","User-Agent":"Apify/Webhooks"}`)
	if n%2 == 1 {
		e.Key.Event, e.Body, e.Type, e.Status = dedup.Compose("r", id, "1789373061640", "S"), s.ended, "ACTOR.RUN.SUCCEEDED", dedup.StatusSucceeded
		e.Version.Rank, e.Version.Type, e.Generation, e.OccurredAt = dedup.RankEnd, e.Type, "1789373061640", e.ReceivedAt
	}
	s.all = append(s.all, e)
	return e
}

func (s *story) told() []*dedup.Entry { return s.all }

package deduptest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// HitLogFixture is one hit log under test; nobody else uses it.
type HitLogFixture struct {
	Log dedup.HitLog
	// Limit is how many hits of one source the log takes; at most 2000, at least 100.
	Limit int
	// NewReader gives a reader; every reader counts as another process.
	NewReader func() dedup.HitSource
	// Die makes a reader one whose process has died: the others may take over at once what it held.
	Die func(reader dedup.HitSource)
}

// RunHitLog checks that a log and its readers mean what [dedup.HitLog] and [dedup.HitSource] say. open is called once a
// case, from parallel subtests.
func RunHitLog(t *testing.T, open func(t *testing.T) HitLogFixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f HitLogFixture)
	}{
		{"hits come back whole and in order", hitsInOrder},
		{"a batch is of one source and within the limit", hitBatches},
		{"a reader that failed gets its hits again", hitsAgain},
		{"what is done never comes again", hitsDone},
		{"two readers never hold the same hit", hitsShared},
		{"a dead reader's hits go to another", hitsTakenOver},
		{"a full log sends hits to the ledger", hitsFull},
		{"reading an empty log ends", hitsNone},
		{"reading ends with its context", hitsCancelled},
		{"a waiting reader is woken", hitsWake},
		{"many writers, many readers", hitsConcurrently},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

// hitPatience bounds every wait of the suite; nothing needs so long unless it is broken.
const hitPatience = 20 * time.Second

func hitsInOrder(t *testing.T, f HitLogFixture) {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	all := []dedup.Hit{newHit("a", 0), newHit("a", 1), {ReceiptID: dedup.NewID(now), ReceivedAt: now, Source: "a"}, {
		ReceiptID: dedup.NewID(now), ReceivedAt: now.Add(-37 * time.Hour), Source: "a", EventID: dedup.NewID(now),
		Type: "\x00\xff" + strings.Repeat("t", 300), DispatchID: strings.Repeat("d", 128), Repeat: dedup.RepeatUnknown,
		RemoteIP: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff%eth0",
	}}
	f.append(t, all[:2]...)
	f.append(t, all[2:]...)
	r := f.NewReader()
	batch := read(t, r, 100)
	if len(batch.Hits) != len(all) {
		t.Fatalf("read %d hits, want %d", len(batch.Hits), len(all))
	}
	for i, h := range batch.Hits {
		if h != all[i] {
			t.Fatalf("hit %d came back as\n%+v, want\n%+v", i, h, all[i])
		}
	}
}

func hitBatches(t *testing.T, f HitLogFixture) {
	const each = 25
	want := map[dedup.ID]bool{}
	for _, source := range []string{"a", "b", "c"} {
		for i := range each {
			h := newHit(source, i)
			want[h.ReceiptID] = true
			f.append(t, h)
		}
	}
	r := f.NewReader()
	for len(want) > 0 {
		batch := read(t, r, 10)
		if len(batch.Hits) > 10 {
			t.Fatalf("read %d hits, asked for at most 10", len(batch.Hits))
		}
		for _, h := range batch.Hits {
			if h.Source != batch.Hits[0].Source {
				t.Fatalf("one batch holds hits of %q and %q", batch.Hits[0].Source, h.Source)
			}
			if !want[h.ReceiptID] {
				t.Fatalf("hit %s came twice", h.ReceiptID)
			}
			delete(want, h.ReceiptID)
		}
		done(t, r, batch)
	}
}

func hitsAgain(t *testing.T, f HitLogFixture) {
	f.append(t, newHit("a", 0), newHit("a", 1), newHit("a", 2))
	r := f.NewReader()
	first := read(t, r, 2)
	second := read(t, r, 2)
	if len(first.Hits) != 2 || len(second.Hits) != 2 || first.Hits[0] != second.Hits[0] || first.Hits[1] != second.Hits[1] {
		t.Fatalf("not done, yet read\n%+v, then\n%+v", first.Hits, second.Hits)
	}
	done(t, r, second)
	if third := read(t, r, 2); len(third.Hits) != 1 {
		t.Fatalf("one hit is left, read %d", len(third.Hits))
	}
}

func hitsDone(t *testing.T, f HitLogFixture) {
	f.append(t, newHit("a", 0), newHit("a", 1))
	r := f.NewReader()
	done(t, r, read(t, r, 100))
	last := newHit("a", 2)
	f.append(t, last)
	for _, reader := range []dedup.HitSource{f.NewReader(), r} {
		batch := read(t, reader, 100)
		if len(batch.Hits) != 1 || batch.Hits[0] != last {
			t.Fatalf("read %+v, want only %+v", batch.Hits, last)
		}
		done(t, reader, batch)
		last = newHit("a", 3)
		f.append(t, last)
	}
}

func hitsShared(t *testing.T, f HitLogFixture) {
	f.append(t, newHit("a", 0), newHit("a", 1), newHit("a", 2))
	one, two := f.NewReader(), f.NewReader()
	first, second := read(t, one, 1), read(t, two, 100)
	if len(first.Hits) != 1 || len(second.Hits) != 2 {
		t.Fatalf("readers hold %d and %d hits, want 1 and 2", len(first.Hits), len(second.Hits))
	}
	done(t, two, second)
	if again := read(t, one, 100); len(again.Hits) != 1 || again.Hits[0] != first.Hits[0] {
		t.Fatalf("the first reader now gets %+v, want its own %+v", again.Hits, first.Hits)
	}
}

// New hits that keep coming must not hide the old ones.
func hitsTakenOver(t *testing.T, f HitLogFixture) {
	want := []dedup.Hit{newHit("a", 0), newHit("a", 1), newHit("a", 2)}
	f.append(t, want...)
	dead, heir := f.NewReader(), f.NewReader()
	read(t, dead, 100)
	f.Die(dead)
	within(t, "a dead reader's hits come", func() bool {
		f.append(t, newHit("a", 3))
		batch := read(t, heir, 100)
		for _, h := range batch.Hits {
			if len(want) > 0 && h == want[0] {
				want = want[1:]
			}
		}
		done(t, heir, batch)
		return len(want) == 0
	})
}

func hitsFull(t *testing.T, f HitLogFixture) {
	r := f.NewReader()
	for i := 0; ; i++ {
		err := f.Log.Append(t.Context(), []dedup.Hit{newHit("a", i)})
		if errors.Is(err, dedup.ErrHitsToLedger) && i >= f.Limit {
			break
		}
		if err != nil || i > 2*f.Limit {
			t.Fatalf("append of hit %d with a limit of %d: %v", i, f.Limit, err)
		}
	}
	f.append(t, newHit("b", 0)) // another source has room of its own
	for n := 0; n < f.Limit; {
		batch := read(t, r, 1000)
		done(t, r, batch)
		n += len(batch.Hits)
	}
	within(t, "a drained log takes hits again", func() bool {
		return f.Log.Append(t.Context(), []dedup.Hit{newHit("a", 0)}) == nil
	})
}

func hitsNone(t *testing.T, f HitLogFixture) {
	batch, err := f.NewReader().ReadHits(t.Context(), 10)
	if err != nil || len(batch.Hits) != 0 {
		t.Fatalf("read of an empty log: %d hits, %v", len(batch.Hits), err)
	}
}

func hitsCancelled(t *testing.T, f HitLogFixture) {
	ctx, cancel := context.WithCancel(t.Context())
	r := f.NewReader()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_, _ = r.ReadHits(ctx, 10) // nothing to read; it waits, and gives up in its own time or with ctx
		}
	}()
	cancel()
	select {
	case <-ended:
	case <-time.After(hitPatience):
		t.Fatal("the reader still waits")
	}
	f.append(t, newHit("a", 0))
	if batch := read(t, r, 10); len(batch.Hits) != 1 { // the reader is as good as new
		t.Fatalf("read %d hits, want 1", len(batch.Hits))
	}
}

func hitsWake(t *testing.T, f HitLogFixture) {
	r := f.NewReader()
	got := make(chan dedup.HitBatch)
	go func() {
		defer close(got)
		for t.Context().Err() == nil {
			if batch, err := r.ReadHits(t.Context(), 10); err != nil || len(batch.Hits) > 0 {
				got <- batch
				return
			}
		}
	}()
	f.append(t, newHit("a", 0))
	select {
	case batch := <-got:
		if len(batch.Hits) != 1 {
			t.Fatalf("read %d hits, want 1", len(batch.Hits))
		}
	case <-time.After(hitPatience):
		t.Fatal("the waiting reader got nothing")
	}
}

func hitsConcurrently(t *testing.T, f HitLogFixture) {
	const writers, each, readers = 4, 20, 3
	ctx, stop := context.WithTimeout(t.Context(), hitPatience)
	defer stop()
	seen := tally{want: writers * each, complete: stop, times: map[dedup.ID]int{}}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := f.Log.Append(ctx, []dedup.Hit{newHit(string(rune('a'+w%2)), i)}); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	for range readers {
		r := f.NewReader()
		wg.Go(func() {
			if err := seen.readAll(ctx, r); err != nil && ctx.Err() == nil {
				t.Errorf("read: %v", err)
			}
		})
	}
	wg.Wait()
	if len(seen.times) != seen.want {
		t.Fatalf("%d of %d hits were read", len(seen.times), seen.want)
	}
	for id, times := range seen.times {
		if times != 1 {
			t.Fatalf("hit %s was read %d times", id, times)
		}
	}
}

// tally counts how often each hit was read and done.
type tally struct {
	want     int
	complete func()

	mu    sync.Mutex
	times map[dedup.ID]int
}

// readAll reads until ctx ends, which it does when all hits have been seen.
func (s *tally) readAll(ctx context.Context, r dedup.HitSource) error {
	for ctx.Err() == nil {
		batch, err := r.ReadHits(ctx, 7)
		if err == nil && len(batch.Hits) > 0 {
			err = r.DoneHits(context.WithoutCancel(ctx), batch)
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		for _, h := range batch.Hits {
			s.times[h.ReceiptID]++
		}
		if len(s.times) == s.want {
			s.complete()
		}
		s.mu.Unlock()
	}
	return nil
}

func (f HitLogFixture) append(t *testing.T, hits ...dedup.Hit) {
	t.Helper()
	if err := f.Log.Append(t.Context(), hits); err != nil {
		t.Fatalf("append: %v", err)
	}
}

// read asks until hits come.
func read(t *testing.T, r dedup.HitSource, limit int) dedup.HitBatch {
	t.Helper()
	var batch dedup.HitBatch
	within(t, "hits come", func() bool {
		var err error
		if batch, err = r.ReadHits(t.Context(), limit); err != nil {
			t.Fatalf("read: %v", err)
		}
		return len(batch.Hits) > 0
	})
	return batch
}

func done(t *testing.T, r dedup.HitSource, batch dedup.HitBatch) {
	t.Helper()
	if err := r.DoneHits(t.Context(), batch); err != nil {
		t.Fatalf("done: %v", err)
	}
}

// within polls until something is so.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(hitPatience); time.Now().Before(end); <-tick.C {
		if is() {
			return
		}
	}
	t.Fatalf("waited %s in vain: %s", hitPatience, what)
}

func newHit(source string, n int) dedup.Hit {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	return dedup.Hit{
		ReceiptID: dedup.NewID(now), ReceivedAt: now, Source: source, EventID: dedup.NewID(now),
		Type: "ACTOR.RUN.SUCCEEDED", DispatchID: fmt.Sprintf("dispatch%09d", n), Repeat: dedup.RepeatRetry, RemoteIP: "192.0.2.7",
	}
}

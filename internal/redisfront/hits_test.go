package redisfront_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// clock is a clock that tests turn on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) turn(d time.Duration) { c.ahead.Add(int64(d)) }

// read reads until hits come.
func read(t *testing.T, r dedup.HitSource) dedup.HitBatch {
	t.Helper()
	var batch dedup.HitBatch
	testkit.Eventually(t, patience, func() error {
		var err error
		if batch, err = r.ReadHits(t.Context(), 1000); err == nil && len(batch.Hits) == 0 {
			err = errors.New("no hits")
		}
		return err
	})
	return batch
}

func expectWaiting(t *testing.T, f *redisfront.Front, want int64) {
	t.Helper()
	if n, err := f.HitsWaiting(t.Context()); err != nil || n != want {
		t.Fatalf("%d hits wait, want %d: %v", n, want, err)
	}
}

func TestHitsOfAnotherLedgerAreNotTouched(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	ours, theirs := openSingle(t, addr), openSingle(t, addr)
	hits := map[*redisfront.Front]dedup.Hit{ours: newHit("apify"), theirs: newHit("apify")}
	for f, hit := range hits {
		must(t, f.Append(t.Context(), []dedup.Hit{hit}))
	}
	for f, hit := range hits {
		batch := read(t, f)
		if len(batch.Hits) != 1 || batch.Hits[0] != hit {
			t.Errorf("read %+v, want only %+v", batch.Hits, hit)
		}
		expectWaiting(t, f, 1)
		must(t, f.DoneHits(t.Context(), batch))
		expectWaiting(t, f, 0)
	}
}

func TestHitsGoToTheLedger(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	hits := []dedup.Hit{newHit("apify")}
	huge := newHit("apify")
	huge.Type = strings.Repeat("t", 5000)
	for name, c := range map[string]struct {
		opts redisfront.Options
		hits []dedup.Hit
	}{
		"embedded":                    {redisfront.Options{Mode: redisfront.ModeEmbedded, LedgerID: ledger(t)}, hits},
		"without a ledger id":         {redisfront.Options{Addrs: []string{addr}}, hits},
		"with an id that is no id":    {redisfront.Options{Addrs: []string{addr}, LedgerID: func() string { return "a:b" }}, hits},
		"that are too large":          {redisfront.Options{Addrs: []string{addr}, LedgerID: ledger(t)}, []dedup.Hit{huge}},
		"with an id that is too long": {redisfront.Options{Addrs: []string{addr}, LedgerID: func() string { return strings.Repeat("a", 65) }}, hits},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, c.opts)
			if err := f.Append(t.Context(), c.hits); !errors.Is(err, dedup.ErrHitsToLedger) {
				t.Errorf("append: %v", err)
			}
			if batch, err := f.ReadHits(t.Context(), 10); err != nil || len(batch.Hits) > 0 {
				t.Errorf("read %d hits, %v", len(batch.Hits), err)
			}
			if f.Degraded() {
				t.Error("that is no failure of Redis")
			}
		})
	}
}

func TestEmbeddedHasNoHitsWaiting(t *testing.T) {
	t.Parallel()
	expectWaiting(t, open(t, redisfront.Options{Mode: redisfront.ModeEmbedded}), 0)
}

func TestUnknownLedgerCantCountHits(t *testing.T) {
	t.Parallel()
	if n, err := open(t, redisfront.Options{Addrs: []string{testkit.Redis(t)}}).HitsWaiting(t.Context()); err == nil {
		t.Errorf("counted %d hits of an unknown ledger", n)
	}
}

func TestForeignEntriesAreDropped(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.Redis(t))
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	keys := f.Client().Keys(t.Context(), "dg.hits:*").Val()
	if len(keys) != 1 {
		t.Fatalf("streams: %v", keys)
	}
	for _, entry := range [][]any{{"x", "y"}, {"h", ""}, {"h", "\x01nonsense"}, {"h", strings.Repeat("\xff", 100)}} {
		must(t, f.Client().Do(t.Context(), append([]any{"xadd", keys[0], "*"}, entry...)...).Err())
	}
	last := newHit("apify")
	must(t, f.Append(t.Context(), []dedup.Hit{last}))
	batch := read(t, f)
	if len(batch.Hits) != 2 || batch.Hits[1] != last {
		t.Fatalf("read %+v", batch.Hits)
	}
	must(t, f.DoneHits(t.Context(), batch))
	expectWaiting(t, f, 0)
	if f.BadHits() != 4 {
		t.Errorf("counted %d foreign entries, want 4", f.BadHits())
	}
}

// A stream that is no stream must not keep the others from being drained.
func TestForeignKeyInPlaceOfAStream(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.Redis(t))
	for _, source := range []string{"a", "b", "c"} {
		must(t, f.Append(t.Context(), []dedup.Hit{newHit(source)}))
	}
	for _, key := range f.Client().Keys(t.Context(), "dg.hits:*:b").Val() {
		must(t, f.Client().Set(t.Context(), key, "foreign", 0).Err())
	}
	for _, source := range []string{"a", "c"} {
		batch := read(t, f)
		if len(batch.Hits) != 1 || batch.Hits[0].Source != source {
			t.Fatalf("read %+v, want the hit of source %s", batch.Hits, source)
		}
		must(t, f.DoneHits(t.Context(), batch))
	}
	if _, err := f.ReadHits(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "source b") {
		t.Errorf("nobody is told of the foreign key: %v", err)
	}
	if err := f.Append(t.Context(), []dedup.Hit{newHit("b")}); err == nil {
		t.Error("appended to a key that is no stream")
	}
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("a")}))
}

// A flush loses hits that wait (receipts of duplicates), but nothing that comes after it.
func TestHitsAfterAFlush(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	var clock clock
	opts := redisfront.Options{Addrs: []string{server.Addr()}, LedgerID: ledger(t), Now: clock.now}
	writer, reader := open(t, opts), open(t, opts)
	must(t, writer.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	read(t, reader) // and not done
	must(t, writer.Client().FlushAll(t.Context()).Err())

	hit := newHit("apify")
	must(t, writer.Append(t.Context(), []dedup.Hit{hit}))
	batch := read(t, reader)
	if len(batch.Hits) != 1 || batch.Hits[0] != hit {
		t.Fatalf("read %+v, want %+v", batch.Hits, hit)
	}
	must(t, reader.DoneHits(t.Context(), batch))

	// A process that starts only now finds the stream again, though nobody has appended to a new one.
	must(t, writer.Append(t.Context(), []dedup.Hit{hit}))
	clock.turn(redisfront.RefreshEvery)
	expectWaiting(t, writer, 1)
	if got := read(t, open(t, opts)).Hits; len(got) != 1 {
		t.Errorf("a new process read %d hits, want 1", len(got))
	}
}

// A batch whose acknowledgement is lost comes again, and what somebody else has finished meanwhile does not.
func TestDoneHitsIsRepeated(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	proxy := testkit.Proxy(t, server.Addr())
	opts := redisfront.Options{Addrs: []string{proxy.Addr()}, LedgerID: ledger(t)}
	f := open(t, opts)
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify"), newHit("apify")}))
	batch := read(t, f)
	proxy.Cut()
	if err := f.DoneHits(t.Context(), batch); err == nil {
		t.Fatal("done without a server")
	}
	proxy.Restore()
	again := read(t, f)
	if len(again.Hits) != 2 || again.Hits[0] != batch.Hits[0] {
		t.Fatalf("read %+v, want the first batch again", again.Hits)
	}
	must(t, f.Client().XDel(t.Context(), f.Client().Keys(t.Context(), "dg.hits:*").Val()[0], firstEntry(t, f)).Err())
	if left := read(t, f); len(left.Hits) != 1 || left.Hits[0] != batch.Hits[1] {
		t.Fatalf("read %+v, want only what is left", left.Hits)
	}
	if f.BadHits() != 0 {
		t.Errorf("a finished hit was counted as a foreign entry")
	}
}

func firstEntry(t *testing.T, f *redisfront.Front) string {
	t.Helper()
	key := f.Client().Keys(t.Context(), "dg.hits:*").Val()[0]
	entries, err := f.Client().XRangeN(t.Context(), key, "-", "+", 1).Result()
	if err != nil || len(entries) != 1 {
		t.Fatalf("no first entry: %v", err)
	}
	return entries[0].ID
}

// A reply that is lost after Redis has given the hits to this reader must not hide them.
func TestHitsOfALostReply(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	proxy := testkit.Proxy(t, server.Addr())
	opts := redisfront.Options{LedgerID: ledger(t)}
	opts.Addrs = []string{server.Addr()}
	writer := open(t, opts)
	opts.Addrs = []string{proxy.Addr()}
	reader := open(t, opts)
	must(t, writer.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	must(t, reader.DoneHits(t.Context(), read(t, reader))) // the group is there now
	hit := newHit("apify")
	must(t, writer.Append(t.Context(), []dedup.Hit{hit}))

	proxy.LimitAnswers(40) // enough for the stream's length, not for the hit
	if batch, err := reader.ReadHits(t.Context(), 10); err == nil {
		t.Fatalf("read %+v through a connection that was cut", batch.Hits)
	}
	if n := pendingHits(t, writer); n != 1 {
		t.Fatalf("Redis has given the reader %d hits, want 1", n)
	}
	proxy.Heal()
	if got := read(t, reader).Hits; len(got) != 1 || got[0] != hit {
		t.Errorf("read %+v, want %+v", got, hit)
	}
}

func pendingHits(t *testing.T, f *redisfront.Front) int64 {
	t.Helper()
	p, err := f.Client().XPending(t.Context(), f.Client().Keys(t.Context(), "dg.hits:*").Val()[0], "dedupgate").Result()
	must(t, err)
	return p.Count
}

func TestFullSourceIsCountedOnceASecond(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	var clock clock
	opts := redisfront.Options{Addrs: []string{addr}, LedgerID: ledger(t), Now: clock.now, HitsCap: 3}
	writer, other := open(t, opts), open(t, opts)
	if writer.HitsPileUp() {
		t.Error("hits pile up before there are any")
	}
	for range 3 {
		must(t, writer.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	}
	if !writer.HitsPileUp() {
		t.Error("a full stream does not count as piled up")
	}
	full := func() error { return writer.Append(t.Context(), []dedup.Hit{newHit("apify")}) }
	if err := full(); !errors.Is(err, dedup.ErrHitsToLedger) {
		t.Fatalf("append to a full stream: %v", err)
	}
	must(t, other.DoneHits(t.Context(), read(t, other)))
	if err := full(); !errors.Is(err, dedup.ErrHitsToLedger) {
		t.Fatalf("append to a stream that was full a moment ago: %v", err)
	}
	clock.turn(time.Second)
	must(t, full())
}

func TestClosingForgetsReadersThatHoldNothing(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	opts := redisfront.Options{Addrs: []string{addr}, LedgerID: ledger(t)}
	watcher, idle, holder := open(t, opts), open(t, opts), open(t, opts)
	must(t, watcher.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	must(t, idle.DoneHits(t.Context(), read(t, idle)))
	must(t, watcher.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	read(t, holder)
	if n := consumers(t, watcher); n != 2 {
		t.Fatalf("%d readers are known, want 2", n)
	}
	must(t, errors.Join(idle.Close(), holder.Close()))
	if n := consumers(t, watcher); n != 1 {
		t.Errorf("%d readers are known, want only the one that holds a hit", n)
	}
}

func consumers(t *testing.T, f *redisfront.Front) int {
	t.Helper()
	list, err := f.Client().XInfoConsumers(t.Context(), f.Client().Keys(t.Context(), "dg.hits:*").Val()[0], "dedupgate").Result()
	must(t, err)
	return len(list)
}

func TestSilentReadersAreForgotten(t *testing.T) {
	t.Parallel()
	var clock clock
	f := open(t, redisfront.Options{Addrs: []string{testkit.Redis(t)}, LedgerID: ledger(t), Now: clock.now})
	for i := range 3 {
		must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify")}))
		r := f.NewReader()
		batch := read(t, r)
		if i > 0 { // the first keeps its hit
			must(t, r.DoneHits(t.Context(), batch))
		}
	}
	sweep := func() {
		clock.turn(redisfront.SweepEvery)
		_, err := f.ReadHits(t.Context(), 1)
		must(t, err)
	}
	sweep()
	if n := consumers(t, f); n < 3 { // the one that swept may be among them
		t.Fatalf("%d readers are known after a short silence, want all 3", n)
	}
	f.SetConsumerIdle(time.Millisecond)
	sweep()
	if n := consumers(t, f); n < 1 || n > 2 {
		t.Fatalf("%d readers are known after a long silence, want the holder, and the sweeper at most", n)
	}
}

func TestReadersTakeTurns(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.Redis(t))
	var hits []dedup.Hit
	for i := range 60 {
		hits = append(hits, newHit(fmt.Sprintf("source-%d", i%3)))
	}
	must(t, f.Append(t.Context(), hits))
	var sources []string
	for range 3 {
		batch := read(t, f)
		sources = append(sources, batch.Hits[0].Source)
		must(t, f.Append(t.Context(), []dedup.Hit{newHit(batch.Hits[0].Source)})) // it never runs dry
		must(t, f.DoneHits(t.Context(), batch))
	}
	if fmt.Sprint(sources) != "[source-0 source-1 source-2]" {
		t.Errorf("a busy source keeps others waiting: %v", sources)
	}
}

package bodies

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// fakeStore keeps everything, when it is let.
type fakeStore struct {
	mu      sync.Mutex
	err     error
	gate    chan struct{} // nil: open; else each call waits for one token
	batches [][]string
}

func (f *fakeStore) KeepOtherBodies(ctx context.Context, offered []dedup.OtherBody) (int, error) {
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	var batch []string
	for _, o := range offered {
		batch = append(batch, string(o.Body[:min(len(o.Body), 8)]))
	}
	f.batches = append(f.batches, batch)
	return len(offered), nil
}

func (f *fakeStore) kept() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Concat(f.batches...)
}

func (f *fakeStore) fails(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

type fakeMeter struct {
	mu sync.Mutex
	n  map[Result]int
}

func (f *fakeMeter) OtherBodies(r Result, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n[r] += n
}

// bench is a keeper in a bubble, with everything around it faked.
type bench struct {
	*Keeper
	t     *testing.T
	store *fakeStore
	meter *fakeMeter
	busy  bool
	no    bool // nothing is wanted
	log   *strings.Builder
	event dedup.ID
}

// tested runs a test of a keeper, which is closed in the end. A store that hangs waits to be let.
func tested(t *testing.T, hangs bool, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			t: t, store: &fakeStore{}, meter: &fakeMeter{n: map[Result]int{}},
			log: &strings.Builder{}, event: dedup.NewID(time.Now()),
		}
		if hangs {
			b.store.gate = make(chan struct{})
		}
		k, err := NewKeeper(Options{
			Store: b.store, Meter: b.meter, Wanted: func() bool { return !b.no }, Busy: func() bool { return b.busy },
			Log: slog.New(slog.NewTextHandler(b.log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Keeper = k
		test(b)
		if err := k.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func (b *bench) offer(bodies ...string) {
	for _, body := range bodies {
		b.Offer(b.event, &dedup.Inbound{ReceiptID: dedup.NewID(time.Now()), Body: []byte(body)})
	}
}

func (b *bench) wantKept(want ...string) {
	b.t.Helper()
	if got := b.store.kept(); !slices.Equal(got, want) {
		b.t.Errorf("kept %q, want %q", got, want)
	}
}

func (b *bench) wantCounts(want map[Result]int) {
	b.t.Helper()
	b.meter.mu.Lock()
	defer b.meter.mu.Unlock()
	for _, r := range Results() {
		if b.meter.n[r] != want[r] {
			b.t.Errorf("%s: %d, want %d", r, b.meter.n[r], want[r])
		}
	}
}

func TestWhatIsOfferedIsKept(t *testing.T) {
	t.Parallel()
	tested(t, false, func(b *bench) {
		b.offer("a", "b")
		synctest.Wait()
		b.wantKept("a", "b")
		b.wantCounts(map[Result]int{Kept: 2})
	})
}

func TestABodyThatComesAgainIsWrittenOnce(t *testing.T) {
	t.Parallel()
	tested(t, false, func(b *bench) {
		b.offer("a", "a")
		synctest.Wait()
		b.offer("a")
		b.event = dedup.NewID(time.Now()) // the same body is another thing of another event
		b.offer("a")
		synctest.Wait()
		b.wantKept("a", "a")
		b.wantCounts(map[Result]int{Kept: 2, Passed: 2})
	})
}

func TestNothingIsKeptWhereNothingIsWanted(t *testing.T) {
	t.Parallel()
	tested(t, false, func(b *bench) {
		b.no = true
		b.offer("a")
		synctest.Wait()
		b.wantKept()
		b.wantCounts(nil)
		if b.offered.has(b.markOf(&dedup.OtherBody{EventID: b.event, Body: []byte("a")})) {
			b.t.Error("it would be taken for offered when a reload wants it")
		}
	})
}

func TestAStoreThatHangsHoldsUpNobodyAndTheRestIsDropped(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		for n := range mostHeld + 7 {
			b.offer(fmt.Sprint(n))
		}
		synctest.Wait()
		b.wantCounts(map[Result]int{Dropped: 7})
		close(b.store.gate)
		synctest.Wait()
		b.wantCounts(map[Result]int{Dropped: 7, Kept: mostHeld})
		b.offer("there is room again")
		synctest.Wait()
		b.wantCounts(map[Result]int{Dropped: 7, Kept: mostHeld + 1})
	})
}

func TestBytesAreBoundedToo(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		third := strings.Repeat("x", mostBytes/3)
		b.offer("1"+third, "2"+third, "3"+third)
		synctest.Wait()
		b.wantCounts(map[Result]int{Dropped: 1})
		close(b.store.gate)
		synctest.Wait()
		b.offer("4" + strings.Repeat("x", mostBytes)) // longer than all that may wait: alone
		synctest.Wait()
		b.wantKept("1xxxxxxx", "2xxxxxxx", "4xxxxxxx")
		if len(b.store.batches) != 3 {
			b.t.Errorf("%d batches of long bodies", len(b.store.batches))
		}
	})
}

func TestOneStatementCarriesSoMuch(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		b.offer("being written")
		synctest.Wait()
		half := strings.Repeat("x", batchBytes/2-1)
		b.offer("1"+half, "2"+half, "3"+half, "4")
		close(b.store.gate)
		synctest.Wait()
		if got := fmt.Sprint(b.store.batches); got != "[[being wr] [1xxxxxxx 2xxxxxxx] [3xxxxxxx 4]]" {
			b.t.Errorf("written as %s", got)
		}
	})
}

func TestWhatTheDatabaseDidNotTakeMayBeOfferedAgain(t *testing.T) {
	t.Parallel()
	tested(t, false, func(b *bench) {
		b.store.fails(errors.New("the database is away"))
		b.offer("a")
		synctest.Wait()
		b.offer("a")
		synctest.Wait()
		b.wantCounts(map[Result]int{Lost: 2})
		if n := strings.Count(b.log.String(), "not kept"); n != 1 {
			b.t.Errorf("%d lines about one outage: %s", n, b.log)
		}
		b.store.fails(nil)
		b.offer("a")
		synctest.Wait()
		b.wantKept("a")
		b.wantCounts(map[Result]int{Lost: 2, Kept: 1})
	})
}

func TestAStoreThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		b.offer("a")
		time.Sleep(patience)
		synctest.Wait()
		b.wantCounts(map[Result]int{Lost: 1})
	})
}

func TestClosingKeepsWhatWaits(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		b.offer("a")
		synctest.Wait() // being written
		b.offer("b", "c")
		ended := make(chan error)
		go func() { ended <- b.Close(b.t.Context()) }()
		synctest.Wait()
		b.offer("too late")
		b.store.gate <- struct{}{}
		b.store.gate <- struct{}{}
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
		b.wantKept("a", "b", "c")
		b.wantCounts(map[Result]int{Kept: 3, Dropped: 1})
	})
}

func TestClosingEndsInTimeWhateverTheStoreDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, meter := &fakeStore{gate: make(chan struct{})}, &fakeMeter{n: map[Result]int{}}
		k, err := NewKeeper(Options{Store: store, Meter: meter, Wanted: func() bool { return true }, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{Keeper: k, t: t, store: store, meter: meter}
		b.offer("a")
		synctest.Wait()
		b.offer("b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := k.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		b.wantCounts(map[Result]int{Lost: 2})
	})
}

func TestSendersGoFirst(t *testing.T) {
	t.Parallel()
	tested(t, true, func(b *bench) {
		b.busy = true
		b.offer("a")
		time.Sleep(20 * time.Millisecond) // the writing takes so long
		b.store.gate <- struct{}{}
		synctest.Wait()
		b.offer("b")
		start := time.Now()
		b.store.gate <- struct{}{} // taken when the keeper has rested
		if rested := time.Since(start); rested != 200*time.Millisecond {
			b.t.Errorf("rested %v after a work of 20ms", rested)
		}
		synctest.Wait()
		b.wantKept("a", "b")
	})
}

func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	s := newMarks()
	m := func(n int) mark { return mark{hash: uint64(n)} }
	for n := range 3*generation + 1 {
		s.add(m(n))
	}
	if len(s.young)+len(s.old) > 2*generation {
		t.Errorf("%d marks are held", len(s.young)+len(s.old))
	}
	if !s.has(m(3*generation)) || !s.has(m(2*generation)) || s.has(m(generation)) {
		t.Error("it does not remember the last ones")
	}
	s.forget(m(2 * generation))
	if s.has(m(2 * generation)) {
		t.Error("forgotten, and still there")
	}
}

func TestAKeeperWantsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := NewKeeper(Options{}); err == nil {
		t.Error("it started without a store")
	}
}

package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// steps records the order in which a gate meets its stores.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, step)
}

func (s *steps) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.list)
}

// fakes are stores made of functions; a nil function is a store that works and knows nothing.
type fakes struct {
	steps
	claim       func([]dedup.ClaimRequest) []dedup.ClaimReply
	settleFunc  func(context.Context, []dedup.Settlement) error
	appendFunc  func([]dedup.Hit) error
	record      func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error)
	incarnation func() (dedup.Incarnation, bool)
}

var thisLife = dedup.Incarnation{1}

func (f *fakes) Claim(_ context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	f.add("claim")
	if f.claim != nil {
		return f.claim(reqs)
	}
	replies := make([]dedup.ClaimReply, len(reqs))
	for i := range replies {
		replies[i].State = dedup.ClaimFirst
	}
	return replies
}

func (f *fakes) Settle(ctx context.Context, marks []dedup.Settlement) error {
	f.add("settle")
	if f.settleFunc != nil {
		return f.settleFunc(ctx, marks)
	}
	return nil
}

func (f *fakes) Append(_ context.Context, hits []dedup.Hit) error {
	f.add("append")
	if f.appendFunc != nil {
		return f.appendFunc(hits)
	}
	return nil
}

func (f *fakes) Record(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	f.add("record")
	if f.record != nil {
		return f.record(ctx, batch)
	}
	return firstForAll(batch), thisLife, nil
}

func (f *fakes) Incarnation() (dedup.Incarnation, bool) {
	if f.incarnation != nil {
		return f.incarnation()
	}
	return thisLife, true
}

func firstForAll(batch []*dedup.Entry) []dedup.Verdict {
	verdicts := make([]dedup.Verdict, len(batch))
	for i, e := range batch {
		verdicts[i] = dedup.Decide(e, dedup.Found{Inserted: true, EventID: e.EventID, FirstTag: dedup.DispatchTag(e.DispatchID)})
	}
	return verdicts
}

func newGate(t *testing.T, f *fakes, change ...func(*dedup.Options)) *dedup.Gate {
	t.Helper()
	opts := dedup.Options{
		Claimer: f, HitLog: f, Ledger: f,
		Deadline: 8 * time.Second, SettleTimeout: 20 * time.Millisecond,
		QueueRequests: 64, QueueBytes: 1 << 20, BatchRequests: 16, BatchBytes: 1 << 19, Claimers: 1, Committers: 1,
	}
	for _, c := range change {
		c(&opts)
	}
	g, err := dedup.NewGate(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return g
}

func inbound(key string) *dedup.Inbound {
	now := time.Now()
	return &dedup.Inbound{
		ReceiptID: dedup.NewID(now), ReceivedAt: now, Key: dedup.Key{Source: "apify", Event: key}, DispatchID: "d-" + key,
		Run: dedup.RunRef{Kind: dedup.KindRun, ID: key}, Type: "ACTOR.RUN.SUCCEEDED", Status: dedup.StatusSucceeded,
		Body: []byte(`{}`), Window: 72 * time.Hour, Lease: 15 * time.Second, Via: dedup.ViaWebhook,
	}
}

func settled(mark dedup.Mark) func([]dedup.ClaimRequest) []dedup.ClaimReply {
	return func(reqs []dedup.ClaimRequest) []dedup.ClaimReply {
		replies := make([]dedup.ClaimReply, len(reqs))
		for i := range replies {
			replies[i] = dedup.ClaimReply{State: dedup.ClaimSettled, Mark: mark}
		}
		return replies
	}
}

func check(t *testing.T, v dedup.Verdict, err error, outcome dedup.Outcome, reason dedup.Reason) {
	t.Helper()
	if err != nil {
		t.Fatalf("admit: %v", err)
	}
	if v.Outcome != outcome || v.Reason != reason {
		t.Fatalf("got %s/%s, want %s/%s", v.Outcome, v.Reason, outcome, reason)
	}
}

func TestGateOrder(t *testing.T) {
	t.Parallel()
	mark := dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now()), Tag: "d-a"}
	other := dedup.Mark{Incarnation: dedup.Incarnation{9}, EventID: mark.EventID}
	stale := func() (dedup.Incarnation, bool) { return thisLife, false }
	down := func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
		return nil, dedup.Incarnation{}, dedup.ErrUnavailable
	}
	full := func([]dedup.Hit) error { return dedup.ErrHitsToLedger }
	none := func([]dedup.ClaimRequest) []dedup.ClaimReply { return nil }
	cases := []struct {
		name    string
		fakes   *fakes
		outcome dedup.Outcome
		reason  dedup.Reason
		steps   string
	}{
		{"a first delivery is recorded before it is settled", &fakes{}, "new", "first_seen", "[claim record settle]"},
		{"a good mark needs no database", &fakes{claim: settled(mark)}, "duplicate", "window_hit", "[claim append]"},
		{"a mark of another database proves nothing", &fakes{claim: settled(other)}, "new", "first_seen", "[claim record settle]"},
		{
			"a mark counts only while the probe is fresh", &fakes{claim: settled(mark), incarnation: stale},
			"new", "first_seen", "[claim record settle]",
		},
		{"a claimer that answers nothing changes no outcome", &fakes{claim: none}, "new", "first_seen", "[claim record settle]"},
		{"a full hit log sends the receipt to the ledger", &fakes{claim: settled(mark), appendFunc: full}, "duplicate", "window_hit", "[claim append record]"},
		{
			"a good mark is a duplicate though the database is down", &fakes{claim: settled(mark), incarnation: stale, record: down},
			"duplicate", "window_hit", "[claim record record record append]",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, c.fakes)
				v, err := g.Admit(t.Context(), inbound("a"))
				check(t, v, err, c.outcome, c.reason)
				if got := c.fakes.String(); got != c.steps {
					t.Errorf("steps %s, want %s", got, c.steps)
				}
			})
		})
	}
}

func TestGateKeepsTheWayInOfAKnownDuplicate(t *testing.T) {
	t.Parallel()
	var stored []*dedup.Entry
	f := &fakes{
		claim: settled(dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now())}),
		record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			stored = append(stored, batch...)
			return []dedup.Verdict{{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit}}, thisLife, nil
		},
	}
	in := inbound("a")
	in.Via = dedup.ViaQuarantine
	v, err := newGate(t, f).Admit(t.Context(), in)
	check(t, v, err, dedup.OutcomeDuplicate, dedup.ReasonWindowHit)
	if len(stored) != 1 || !stored[0].Known || stored[0].Via != dedup.ViaQuarantine {
		t.Errorf("the ledger got %+v: want a known duplicate that came out of quarantine", stored)
	}
}

// What was found by asking the sender is shown to the ledger whatever the claimer has: it may be what an event waits for.
func TestGateShowsTheLedgerWhatWasReconciled(t *testing.T) {
	t.Parallel()
	f := &fakes{claim: settled(dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now())})}
	var stored []*dedup.Entry
	f.record = func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
		stored = append(stored, batch...)
		return firstForAll(batch), thisLife, nil
	}
	g := newGate(t, f)
	in := inbound("a")
	in.Via = dedup.ViaReconciled
	v, err := g.Admit(t.Context(), in)
	check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
	if len(stored) != 1 || stored[0].Known {
		t.Errorf("the ledger was shown %+v", stored)
	}
	f.record = func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
		return nil, dedup.Incarnation{}, dedup.ErrContended
	}
	g = newGate(t, f, func(o *dedup.Options) { o.Deadline = 50 * time.Millisecond })
	in = inbound("b")
	in.Via = dedup.ViaReconciled
	if _, err := g.Admit(t.Context(), in); !errors.Is(err, dedup.ErrUnavailable) {
		t.Errorf("without the ledger: %v", err)
	}
}

func TestGateMarksNoEventInDoubt(t *testing.T) {
	t.Parallel()
	f := &fakes{}
	var marked []dedup.ID
	f.settleFunc = func(_ context.Context, marks []dedup.Settlement) error {
		for _, m := range marks {
			marked = append(marked, m.Mark.EventID)
		}
		return nil
	}
	doubted := true
	f.record = func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
		return []dedup.Verdict{dedup.Decide(batch[0], dedup.Found{EventID: batch[0].EventID, InDoubt: doubted})}, thisLife, nil
	}
	g := newGate(t, f)
	v, err := g.Admit(t.Context(), inbound("a"))
	check(t, v, err, dedup.OutcomeDuplicate, dedup.ReasonLedgerHit)
	doubted = false
	if v, err = g.Admit(t.Context(), inbound("a")); err != nil || len(marked) != 1 || marked[0] != v.EventID {
		t.Errorf("marked %v, %v", marked, err)
	}
}

func TestGateQuarantineSkipsTheClaimer(t *testing.T) {
	t.Parallel()
	f := &fakes{}
	in := inbound("")
	in.Quarantine = &dedup.Quarantine{Reason: dedup.ReasonNotJSON}
	v, err := newGate(t, f).Admit(t.Context(), in)
	check(t, v, err, dedup.OutcomeQuarantined, dedup.ReasonNotJSON)
	if got := f.String(); got != "[record]" {
		t.Errorf("steps %s", got)
	}
}

func TestGateWhenNobodyCanTell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			return nil, dedup.Incarnation{}, dedup.ErrUnavailable
		}}
		if _, err := newGate(t, f).Admit(t.Context(), inbound("a")); !errors.Is(err, dedup.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
		if got := f.String(); got != "[claim record record record]" {
			t.Errorf("steps %s: a failure must not be settled", got)
		}
	})
}

func TestGateAsksAgainAfterAnUnclearCommit(t *testing.T) {
	t.Parallel()
	t.Run("with the same entries until the answer is clear", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var seen []dedup.ID
			f := &fakes{}
			f.record = func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				seen = append(seen, batch[0].ReceiptID, batch[0].EventID)
				switch len(seen) {
				case 2:
					return nil, dedup.Incarnation{}, fmt.Errorf("commit: %w", dedup.ErrUnclear)
				case 4, 6, 8, 10: // more often than a mere outage is tried
					return nil, dedup.Incarnation{}, dedup.ErrUnavailable
				}
				return firstForAll(batch), thisLife, nil
			}
			v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
			check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
			for i := 2; i < len(seen); i++ {
				if seen[i] != seen[i-2] {
					t.Fatal("the batch was recorded again with other ids")
				}
			}
		})
	})
	t.Run("and answers unavailable when the deadline ends the wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				return nil, dedup.Incarnation{}, dedup.ErrUnclear
			}}
			start := time.Now()
			_, err := newGate(t, f).Admit(t.Context(), inbound("a"))
			if !errors.Is(err, dedup.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			if took := time.Since(start); took != 8*time.Second {
				t.Errorf("took %s, want the deadline of 8s", took)
			}
		})
	})
}

func TestGateSettlesWithTheIncarnationThatCommitted(t *testing.T) {
	t.Parallel()
	committed := dedup.Incarnation{7}
	var got dedup.Settlement
	f := &fakes{
		record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			return firstForAll(batch), committed, nil
		},
		settleFunc: func(_ context.Context, marks []dedup.Settlement) error {
			got = marks[0]
			return nil
		},
	}
	v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
	check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
	want := dedup.Mark{Incarnation: committed, EventID: v.EventID, Tag: "d-a"}
	if got.Mark != want || got.Window != 72*time.Hour {
		t.Errorf("settled %+v, want mark %+v for 72h", got, want)
	}
}

func TestGateBoundsSettling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{settleFunc: func(ctx context.Context, _ []dedup.Settlement) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		start := time.Now()
		v, err := newGate(t, f).Admit(t.Context(), inbound("a"))
		check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
		if took := time.Since(start); took != 20*time.Millisecond {
			t.Errorf("a hanging claimer delayed the answer by %s, want 20ms", took)
		}
	})
}

func TestGateWorkOutlivesTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		recording, goOn := make(chan struct{}), make(chan struct{})
		var stored atomic.Bool
		f := &fakes{record: func(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			close(recording)
			<-goOn
			stored.Store(ctx.Err() == nil)
			return firstForAll(batch), thisLife, nil
		}}
		g := newGate(t, f)
		ctx, hangUp := context.WithCancel(t.Context())
		answered := make(chan error)
		go func() {
			_, err := g.Admit(ctx, inbound("a"))
			answered <- err
		}()
		<-recording
		hangUp()
		if err := <-answered; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		close(goOn)
		if err := g.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !stored.Load() {
			t.Error("the client cut the commit")
		}
	})
}

// admitAll sends all inbounds at once while the commit worker is held, so that they share a batch.
func admitAll(g *dedup.Gate, ins []*dedup.Inbound) ([]dedup.Verdict, []error) {
	verdicts, errs := make([]dedup.Verdict, len(ins)), make([]error, len(ins))
	var wg sync.WaitGroup
	for i, in := range ins {
		wg.Go(func() { verdicts[i], errs[i] = g.Admit(context.Background(), in) })
	}
	wg.Wait()
	return verdicts, errs
}

func TestGateGroupsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			sizes = append(sizes, len(batch))
			time.Sleep(time.Millisecond) // in the bubble: everything that is coming arrives meanwhile
			return firstForAll(batch), thisLife, nil
		}}
		ins := make([]*dedup.Inbound, 40)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint(i))
		}
		_, errs := admitAll(newGate(t, f), ins)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range sizes {
			total += n
			if n > 16 {
				t.Errorf("a batch of %d, bound is 16", n)
			}
		}
		if total != 40 || len(sizes) > 5 {
			t.Errorf("batches %v: want 40 requests in at most 5 transactions", sizes)
		}
	})
}

func TestGatePutsOnlyThePoisonedRowAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(time.Millisecond)
			for _, e := range batch {
				if e.Key.Event == "13" && e.Quarantine == nil {
					return nil, dedup.Incarnation{}, dedup.ErrRejected
				}
			}
			return firstForAll(batch), thisLife, nil
		}}
		ins := make([]*dedup.Inbound, 16)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint(i))
		}
		verdicts, errs := admitAll(newGate(t, f), ins)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			want := dedup.OutcomeNew
			if i == 13 {
				want = dedup.OutcomeQuarantined
			}
			if v.Outcome != want {
				t.Errorf("request %d: %s, want %s", i, v.Outcome, want)
			}
		}
		if ins[13].Quarantine != nil {
			t.Error("the caller's inbound was changed")
		}
	})
}

func TestGateLetsOnlyTheLockedRunWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var locked atomic.Bool
		locked.Store(true)
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(time.Millisecond)
			for _, e := range batch {
				if e.Run.ID == "locked" && locked.Load() {
					time.Sleep(500 * time.Millisecond)
					return nil, dedup.Incarnation{}, dedup.ErrContended
				}
			}
			return firstForAll(batch), thisLife, nil
		}}
		g := newGate(t, f)
		start := time.Now()
		ins := []*dedup.Inbound{inbound("locked")}
		for i := range 15 {
			ins = append(ins, inbound(fmt.Sprint(i)))
		}
		took := make([]time.Duration, len(ins))
		var wg sync.WaitGroup
		for i, in := range ins {
			wg.Go(func() {
				v, err := g.Admit(context.Background(), in)
				check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
				took[i] = time.Since(start)
			})
		}
		time.Sleep(2 * time.Second)
		// A newcomer must not meet the locked run's requests in its batch.
		second := inbound("locked")
		second.Key.Event = "locked-2"
		wg.Go(func() {
			v, err := g.Admit(context.Background(), second)
			check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
		})
		before := time.Now()
		v, err := g.Admit(context.Background(), inbound("newcomer"))
		check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
		if d := time.Since(before); d > 10*time.Millisecond {
			t.Errorf("a newcomer waited %s for a run that is not its own", d)
		}
		time.Sleep(time.Second)
		locked.Store(false)
		wg.Wait()
		for i, d := range took[1:] {
			if d > 600*time.Millisecond {
				t.Errorf("request %d of a free run waited %s", i+1, d)
			}
		}
		if took[0] < 3*time.Second {
			t.Errorf("the locked run was answered after %s, before it was free", took[0])
		}
	})
}

func TestGateAnswersUnavailableWhenALockOutlivesTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(500 * time.Millisecond)
			return nil, dedup.Incarnation{}, dedup.ErrContended
		}}
		start := time.Now()
		_, err := newGate(t, f).Admit(t.Context(), inbound("a"))
		if !errors.Is(err, dedup.ErrUnavailable) || !errors.Is(err, dedup.ErrContended) {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestGateRefusesWhatItCantHold(t *testing.T) {
	t.Parallel()
	hold := func(f *fakes) chan struct{} {
		goOn := make(chan struct{})
		f.record = func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			<-goOn
			return firstForAll(batch), thisLife, nil
		}
		return goOn
	}
	t.Run("requests", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{}
			goOn := hold(f)
			g := newGate(t, f, func(o *dedup.Options) { o.QueueRequests = 16 })
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() { _, _ = g.Admit(context.Background(), inbound(fmt.Sprint(i))) })
			}
			synctest.Wait()
			if _, err := g.Admit(t.Context(), inbound("x")); !errors.Is(err, dedup.ErrBusy) {
				t.Errorf("got %v, want ErrBusy", err)
			}
			close(goOn)
			wg.Wait()
			v, err := g.Admit(t.Context(), inbound("x"))
			check(t, v, err, dedup.OutcomeNew, dedup.ReasonFirstSeen)
		})
	})
	t.Run("bytes, but one request of any size passes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := &fakes{}
			goOn := hold(f)
			g := newGate(t, f, func(o *dedup.Options) { o.QueueBytes, o.BatchBytes = 1000, 1000 })
			big := inbound("big")
			big.Body = make([]byte, 5000)
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = g.Admit(context.Background(), big) })
			synctest.Wait()
			if n, b := g.Waiting(); n != 1 || b != 5000 {
				t.Errorf("waiting %d requests, %d bytes", n, b)
			}
			if _, err := g.Admit(t.Context(), inbound("x")); !errors.Is(err, dedup.ErrBusy) {
				t.Errorf("got %v, want ErrBusy", err)
			}
			close(goOn)
			wg.Wait()
		})
	})
}

func TestGateClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		f := &fakes{record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			<-goOn
			return firstForAll(batch), thisLife, nil
		}}
		g := newGate(t, f)
		answered := make(chan error, 1)
		go func() {
			_, err := g.Admit(context.Background(), inbound("a"))
			answered <- err
		}()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("close with a request inside: %v", err)
		}
		if _, err := g.Admit(t.Context(), inbound("b")); !errors.Is(err, dedup.ErrStopped) {
			t.Errorf("admit while closing: %v, want ErrStopped", err)
		}
		close(goOn)
		if err := g.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the request inside was answered %v", err)
		}
	})
}

func TestGateCountsWhatNobodyCouldStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mark := dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now())}
		f := &fakes{
			claim:      settled(mark),
			appendFunc: func([]dedup.Hit) error { return dedup.ErrHitsToLedger },
			record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				return nil, dedup.Incarnation{}, dedup.ErrUnavailable
			},
		}
		g := newGate(t, f)
		v, err := g.Admit(t.Context(), inbound("a"))
		check(t, v, err, dedup.OutcomeDuplicate, dedup.ReasonWindowHit)
		if !v.Unrecorded || g.Unrecorded() != 1 {
			t.Errorf("unrecorded %v, counted %d", v.Unrecorded, g.Unrecorded())
		}
	})
}

func TestGateOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := dedup.NewGate(dedup.Options{}); err == nil {
		t.Error("a gate without stores was made")
	}
}

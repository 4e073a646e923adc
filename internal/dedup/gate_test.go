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

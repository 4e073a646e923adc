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

// When more runs are locked than may wait for their locks at once, as they all are while somebody locks a whole table, the
// others' turn may come long after their time is up. They are answered when it is.
func TestGateAnswersInTimeWhenEverythingIsLocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{record: func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
			time.Sleep(500 * time.Millisecond) // the ledger's own wait for a lock
			return nil, dedup.Incarnation{}, dedup.ErrContended
		}}
		g := newGate(t, f, func(o *dedup.Options) { o.QueueRequests = 1000 })
		ins := make([]*dedup.Inbound, 400)
		for i := range ins {
			ins[i] = inbound(fmt.Sprint("key", i))
		}
		start := time.Now()
		_, errs := admitAll(g, ins)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("answered after %v, want 8 s and a lock's wait", took)
		}
		for _, err := range errs {
			if !errors.Is(err, dedup.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
		}
	})
}

// tally lets so many requests pass and notes how often each is asked about.
type tally struct {
	mu    sync.Mutex
	left  int
	asked map[string]int
}

func (*tally) On() bool { return true }

func (l *tally) Allow(_ context.Context, batch []*dedup.Inbound) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	waits := make([]time.Duration, len(batch))
	for i, in := range batch {
		l.asked[in.Key.Event]++
		if l.left--; l.left < 0 {
			waits[i] = time.Minute
		}
	}
	return waits
}

// Who comes for a locked run is charged like everybody else, and once: not again when its turn comes.
func TestALockedRunIsNoWayAroundTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var locked atomic.Bool
		locked.Store(true)
		known := dedup.Mark{Incarnation: thisLife, EventID: dedup.NewID(time.Now())}
		f := &fakes{
			record: func(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
				if locked.Load() {
					time.Sleep(500 * time.Millisecond) // the ledger's own wait for a lock
					return nil, dedup.Incarnation{}, dedup.ErrContended
				}
				return firstForAll(batch), thisLife, nil
			},
			claim: func(reqs []dedup.ClaimRequest) []dedup.ClaimReply {
				replies := make([]dedup.ClaimReply, len(reqs))
				for i, r := range reqs {
					replies[i].State = dedup.ClaimFirst
					if r.Key.Event == "known" {
						replies[i] = dedup.ClaimReply{State: dedup.ClaimSettled, Mark: known}
					}
				}
				return replies
			},
			appendFunc: func([]dedup.Hit) error { return dedup.ErrHitsToLedger }, // so that the known one goes the same way
		}
		rate := &tally{left: 2, asked: map[string]int{}}
		g := newGate(t, f, func(o *dedup.Options) { o.Limiter = rate })
		of := func(event string) *dedup.Inbound {
			in := inbound("locked")
			in.Key.Event = event
			return in
		}
		var waiting sync.WaitGroup
		admit := func(event string, want dedup.Outcome) {
			waiting.Go(func() {
				if v, err := g.Admit(context.Background(), of(event)); err != nil || v.Outcome != want {
					t.Errorf("%s: %s %v", event, v.Outcome, err)
				}
			})
			time.Sleep(time.Second) // in the bubble: the run's lane is open by then
		}
		admit("opens the lane", dedup.OutcomeNew)
		admit("diverted", dedup.OutcomeNew)
		admit("known", dedup.OutcomeDuplicate)
		before := time.Now()
		_, err := g.Admit(t.Context(), of("one too many"))
		if limit, ok := errors.AsType[*dedup.LimitedError](err); !ok || limit.RetryAfter != time.Minute || time.Since(before) > 100*time.Millisecond {
			t.Errorf("one too many: %v after %s", err, time.Since(before))
		}
		locked.Store(false)
		waiting.Wait()
		for event, want := range map[string]int{"opens the lane": 1, "diverted": 1, "known": 0, "one too many": 1} {
			if rate.asked[event] != want {
				t.Errorf("%s: asked about %d times, want %d", event, rate.asked[event], want)
			}
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

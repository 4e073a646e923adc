package apify

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

type doubtful struct {
	mu       sync.Mutex
	waiting  map[dedup.ID]*waiting
	believed []dedup.ID
	rejected map[dedup.ID]string
	verified map[bool]int
	failed   int

	unwritten int // how often Believe fails first
}

type waiting struct {
	delivery.Doubt
	due time.Time
}

func newDoubtful(doubts ...delivery.Doubt) *doubtful {
	l := &doubtful{waiting: map[dedup.ID]*waiting{}, rejected: map[dedup.ID]string{}, verified: map[bool]int{}}
	for _, d := range doubts {
		l.waiting[keyOf(&d)] = &waiting{d, time.Now()}
	}
	return l
}

func (l *doubtful) ClaimDoubts(_ context.Context, most int, lease time.Duration) (due []delivery.Doubt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waiting {
		if len(due) < most && !w.due.After(time.Now()) {
			w.Tries++
			w.due = time.Now().Add(lease)
			due = append(due, w.Doubt)
		}
	}
	return due, nil
}

func (l *doubtful) Believe(_ context.Context, d *delivery.Doubt) (delivery.Belief, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unwritten > 0 {
		l.unwritten--
		return delivery.Belief{}, dedup.ErrContended
	}
	for id, w := range l.waiting {
		if w.EventID == d.EventID {
			delete(l.waiting, id)
		}
	}
	l.believed = append(l.believed, keyOf(d))
	return delivery.Belief{Released: 1, Replaced: !d.Retelling.IsZero()}, nil
}

func (l *doubtful) Disbelieve(_ context.Context, d *delivery.Doubt, objection string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, keyOf(d))
	l.rejected[keyOf(d)] = objection
	_, firstWaits := l.waiting[d.EventID]
	return !firstWaits, nil
}

func (l *doubtful) PostponeDoubt(_ context.Context, d *delivery.Doubt, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[keyOf(d)].due = until
	return nil
}

// keyOf is the event's id, or that of another request for it.
func keyOf(d *delivery.Doubt) dedup.ID {
	if d.Retelling.IsZero() {
		return d.EventID
	}
	return d.Retelling
}

func (l *doubtful) Verified(_ string, confirmed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verified[confirmed]++
}

func (l *doubtful) VerifyFailed(string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
}

// verifyFor lets a verifier run in a bubble.
func verifyFor(t *testing.T, l *lost, doubts *doubtful, total time.Duration) {
	t.Helper()
	looker := NewLooker(newTestClient(t, l.api), l.books, func() (*Gateway, error) { return l.gateway, nil })
	v := &Verifier{Looker: looker, Doubts: doubts, Observer: doubts, Log: testkit.Logger(t)}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(total, cancel) // a stop is no deadline
	v.Run(ctx)
}

func doubtOf(i int, dispatch string) delivery.Doubt {
	return delivery.Doubt{EventID: dedup.NewID(moment.Add(time.Duration(i))), By: delivery.LookupDispatch, Source: "apify", DispatchID: dispatch}
}

func TestVerifierLetsGoWhatApifyConfirms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		var all []delivery.Doubt
		for i := range 30 {
			id := fmt.Sprintf("d%d", i)
			l.dispatch(id, DispatchActive, "w1", "runA", moment)
			all = append(all, doubtOf(i, id))
		}
		doubts := newDoubtful(all...)
		verifyFor(t, l, doubts, 2*time.Second)
		if len(doubts.believed) != 30 || doubts.verified[true] != 30 || len(doubts.waiting) > 0 {
			t.Errorf("believed %d, waiting %d", len(doubts.believed), len(doubts.waiting))
		}
	})
}

func TestVerifierGivesApifyTimeToWriteDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		late, never := doubtOf(1, "late"), doubtOf(2, "never")
		doubts := newDoubtful(late, never)
		verifyFor(t, l, doubts, 5*time.Second)
		if len(doubts.waiting) != 2 {
			t.Fatalf("decided after the first look: %d are waiting", len(doubts.waiting))
		}
		l.dispatch("late", DispatchActive, "w1", "runA", moment)
		verifyFor(t, l, doubts, time.Minute)
		if len(doubts.believed) != 1 || doubts.believed[0] != late.EventID || !strings.Contains(doubts.rejected[never.EventID], "no such dispatch") {
			t.Errorf("believed %v, rejected %v", doubts.believed, doubts.rejected)
		}
		if doubts.verified[true] != 1 || doubts.verified[false] != 1 {
			t.Errorf("counted: %v", doubts.verified)
		}
	})
}

// What nobody answers is neither believed nor rejected, for as long as it takes.
func TestVerifierWaitsForApify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		l.dispatch("d1", DispatchActive, "w1", "runA", moment)
		for range 300 {
			l.api.Fail("/webhook-dispatches/", 503, "")
		}
		doubts := newDoubtful(doubtOf(1, "d1"))
		verifyFor(t, l, doubts, 5*time.Hour)
		if len(doubts.waiting) != 1 || doubts.failed < 10 {
			t.Errorf("waiting %d, failed %d times", len(doubts.waiting), doubts.failed)
		}
		verifyFor(t, l, doubts, 24*time.Hour)
		if len(doubts.believed) != 1 {
			t.Errorf("not believed in the end: %+v", doubts)
		}
	})
}

func TestVerifierGivesBackWhatAStopCutsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		l.dispatch("d1", DispatchActive, "w1", "runA", moment)
		l.api.Fail("/webhook-dispatches/", 429, "60")
		d := doubtOf(1, "d1")
		doubts := newDoubtful(d)
		verifyFor(t, l, doubts, 10*time.Second)
		if w := doubts.waiting[d.EventID]; w == nil || w.due.After(time.Now()) {
			t.Errorf("not due at once: %+v", w)
		}
	})
}

// retellingOf is another request for an event.
func retellingOf(d delivery.Doubt, i int, dispatch string) delivery.Doubt {
	d.Retelling, d.DispatchID, d.Via = dedup.NewID(moment.Add(time.Hour+time.Duration(i))), dispatch, dedup.ViaWebhook
	return d
}

func TestVerifierFindsTheTrueRequestAmongOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		l.dispatch("d1", DispatchActive, "w1", "runA", moment)
		forged := doubtOf(1, "invented")
		told := retellingOf(forged, 1, "d1")
		alone := doubtOf(2, "invented too")
		doubts := newDoubtful(forged, retellingOf(forged, 2, "invented as well"), told, alone, retellingOf(alone, 3, ""))
		doubts.unwritten = 1
		verifyFor(t, l, doubts, time.Minute)
		if len(doubts.believed) != 1 || doubts.believed[0] != told.Retelling || len(doubts.waiting) > 0 {
			t.Errorf("believed %v, waiting %d", doubts.believed, len(doubts.waiting))
		}
		if doubts.verified[true] != 1 || doubts.verified[false] < 1 {
			t.Errorf("counted: %v, want one confirmed and at least one not", doubts.verified)
		}
	})
}

// Retellings, however many are still waiting, keep nobody from hearing that an event is unverified.
func TestVerifierTellsOfAnUnverifiedEventWhileOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLost(t)
		forged := doubtOf(1, "invented")
		again := retellingOf(forged, 1, "invented as well")
		doubts := newDoubtful(forged, again)
		doubts.waiting[again.Retelling].due = time.Now().Add(time.Minute)
		verifyFor(t, l, doubts, 50*time.Second)
		if doubts.verified[false] != 1 || len(doubts.waiting) != 1 {
			t.Errorf("counted: %v, %d wait", doubts.verified, len(doubts.waiting))
		}
		verifyFor(t, l, doubts, time.Minute)
		if doubts.verified[false] != 2 || len(doubts.waiting) != 0 {
			t.Errorf("counted: %v, %d wait; want each objection, so that the alert goes on", doubts.verified, len(doubts.waiting))
		}
	})
}

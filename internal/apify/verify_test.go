package apify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

func TestLookComparesWithApify(t *testing.T) {
	t.Parallel()
	const succeeded = "ACTOR.RUN.SUCCEEDED"
	runA := dedup.RunRef{Kind: dedup.KindRun, ID: "runA"}
	end := apifytest.Time(moment)
	for _, c := range []struct {
		name    string
		doubt   delivery.Doubt
		prepare func(l *lost)
		want    string // part of the objection; "" for none
	}{
		{"a dispatch", delivery.Doubt{By: "dispatch", DispatchID: "d1", Type: succeeded, Run: runA, Generation: end}, nil, ""},
		{"a dispatch, by a payload that tells nothing", delivery.Doubt{By: "dispatch", DispatchID: "d1"}, nil, ""},
		{"no dispatch", delivery.Doubt{By: "dispatch", Type: succeeded, Run: runA}, nil, "named no dispatch"},
		{"an invented dispatch", delivery.Doubt{By: "dispatch", DispatchID: "d7", Type: succeeded, Run: runA}, nil, "knows no such dispatch"},
		{"a dispatch that is no id", delivery.Doubt{By: "dispatch", DispatchID: "../users/me", Type: succeeded, Run: runA}, nil, "knows no such dispatch"},
		{"another type", delivery.Doubt{By: "dispatch", DispatchID: "d1", Type: "ACTOR.RUN.FAILED", Run: runA}, nil, "told ACTOR.RUN.FAILED"},
		{"another run", delivery.Doubt{By: "dispatch", DispatchID: "d1", Type: succeeded, Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runB"}}, nil, "different runs"},
		{"a build of the run's id", delivery.Doubt{By: "dispatch", DispatchID: "d1", Run: dedup.RunRef{Kind: dedup.KindBuild, ID: "runA"}}, nil, "different runs"},
		{"another webhook's dispatch", delivery.Doubt{By: "dispatch", DispatchID: "d2", Type: succeeded, Run: runA}, nil, "does not point at this source"},
		{"another source's dispatch", delivery.Doubt{By: "dispatch", Source: "other", DispatchID: "d1", Type: succeeded, Run: runA}, nil, "does not point at this source"},
		{"a dispatch that has told another event", delivery.Doubt{By: "dispatch", DispatchID: "d1", Type: succeeded, Run: runA}, func(l *lost) {
			l.deliver("", "d1", "runA", moment)
		}, "has told another event"},
		{"a dispatch that has told another event, by a body that names no run", delivery.Doubt{By: "dispatch", DispatchID: "d1", Type: succeeded}, func(l *lost) {
			l.deliver("", "d1", "runA", moment)
		}, "has told another event"},
		{"a test's dispatch, by a body that tells a run and no type", delivery.Doubt{By: "dispatch", DispatchID: "d3", Run: runA}, nil, "different runs"},
		{"a test, whose payload names a past run", delivery.Doubt{By: "run", DispatchID: "d3", Type: "TEST", Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runB"}}, nil, ""},
		{"a run", delivery.Doubt{By: "run", Type: succeeded, Run: runA, Generation: end}, nil, ""},
		{"a run whose payload tells no end", delivery.Doubt{By: "run", Type: succeeded, Run: runA}, nil, ""},
		{"no run", delivery.Doubt{By: "run", Type: succeeded, DispatchID: "d1"}, nil, "named no run"},
		{"an invented run", delivery.Doubt{By: "run", Type: succeeded, Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runX"}}, nil, "knows no such run"},
		{"another account's run", delivery.Doubt{By: "run", Type: succeeded, Run: dedup.RunRef{Kind: dedup.KindRun, ID: "foreign"}}, nil, "another account"},
		{"another end", delivery.Doubt{By: "run", Type: "ACTOR.RUN.FAILED", Run: runA}, nil, "told failed, at Apify it is succeeded"},
		{"another time of the end", delivery.Doubt{By: "run", Type: succeeded, Run: runA, Generation: apifytest.Time(moment.Add(time.Second))}, nil, "another time"},
		{"a resurrection that never was", delivery.Doubt{By: "run", Type: "ACTOR.RUN.RESURRECTED", Run: runA, Generation: "1"}, nil, "never resurrected"},
		{"a run, by a body that tells no type", delivery.Doubt{By: "run", Run: runA, DispatchID: "d1"}, nil, "no type of event"},
		{"a run, by an invented type", delivery.Doubt{By: "run", Type: "ACTOR.RUN.PAID", Run: runA}, nil, "no type of event"},
		{"a run, by a build's type", delivery.Doubt{By: "run", Type: "ACTOR.BUILD.SUCCEEDED", Run: runA, Generation: end}, nil, "no type of event"},
		{"a resurrection", delivery.Doubt{By: "run", Type: "ACTOR.RUN.RESURRECTED", Run: runA, Generation: "1"}, func(l *lost) {
			l.run("runA", "RUNNING", moment, "finishedAt", nil, "stats", apifytest.Document{"resurrectCount": 1})
		}, ""},
		{"a resurrection to come", delivery.Doubt{By: "run", Type: "ACTOR.RUN.RESURRECTED", Run: runA, Generation: "2"}, func(l *lost) {
			l.run("runA", "RUNNING", moment, "finishedAt", nil, "stats", apifytest.Document{"resurrectCount": 1})
		}, "more resurrections"},
		{"an earlier life", delivery.Doubt{By: "run", Type: "ACTOR.RUN.FAILED", Run: runA, Generation: end}, func(l *lost) {
			l.run("runA", "RUNNING", moment, "finishedAt", nil, "stats", apifytest.Document{"resurrectCount": 1})
		}, ""},
		{"a run that was made", delivery.Doubt{By: "run", Type: "ACTOR.RUN.CREATED", Run: runA}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.run("runA", "SUCCEEDED", moment)
			l.run("foreign", "SUCCEEDED", moment, "userId", "somebody")
			l.dispatch("d1", DispatchActive, "w1", "runA", moment)
			l.api.PutDispatch(apifytest.Dispatch("d2", DispatchActive, "w1", "https://example.com/", succeeded, "runA", moment))
			l.api.PutDispatch(with(apifytest.Dispatch("d3", DispatchActive, "w1", hookURL, "TEST", "runA", moment), "eventData", nil))
			if c.prepare != nil {
				c.prepare(l)
			}
			if c.doubt.Source == "" {
				c.doubt.Source = "apify"
			}
			looker := NewLooker(newTestClient(t, l.api), l.books, func() (*Gateway, error) { return l.gateway, nil })
			got, err := looker.Look(t.Context(), &c.doubt)
			if err != nil || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestLookTellsFailureFromAnswer(t *testing.T) {
	t.Parallel()
	api := apifytest.New("another token")
	looker := NewLooker(newTestClient(t, api), &books{}, func() (*Gateway, error) { return newGateway(t), nil })
	for _, d := range []delivery.Doubt{{By: "dispatch", DispatchID: "d1"}, {By: "run", Type: "ACTOR.RUN.CREATED", Run: dedup.RunRef{Kind: dedup.KindRun, ID: "r"}}} {
		if objection, err := looker.Look(t.Context(), &d); !errors.Is(err, ErrRefused) || objection != "" {
			t.Errorf("got %q, %v", objection, err)
		}
	}
}

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

func TestLookAsksNothingAboutWhatApifyHasTold(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	looker := NewLooker(newTestClient(t, l.api), l.books, func() (*Gateway, error) { return l.gateway, nil })
	for _, by := range []delivery.Lookup{delivery.LookupDispatch, delivery.LookupRun} {
		d := delivery.Doubt{By: by, Source: "apify", Type: "ACTOR.RUN.SUCCEEDED", Via: dedup.ViaReconciled}
		if objection, err := looker.Look(t.Context(), &d); objection != "" || err != nil || len(l.api.Requests()) > 0 {
			t.Errorf("by %s: %q, %v, %d calls", by, objection, err, len(l.api.Requests()))
		}
	}
}

// A forged event must not keep the one that it names the dispatch of from being believed.
func TestAnUnverifiedEventHasToldNothing(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.dispatch("d1", DispatchActive, "w1", "runA", moment)
	l.deliver("", "d1", "runA", moment)
	l.doubt("runA", view.DoubtUnverified)
	looker := NewLooker(newTestClient(t, l.api), l.books, func() (*Gateway, error) { return l.gateway, nil })
	d := delivery.Doubt{
		By: "dispatch", EventID: dedup.NewID(moment), Source: "apify", DispatchID: "d1", Type: "ACTOR.RUN.SUCCEEDED",
		Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runA"},
	}
	if objection, err := looker.Look(t.Context(), &d); objection != "" || err != nil {
		t.Errorf("%q, %v", objection, err)
	}
}

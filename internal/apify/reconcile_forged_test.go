package apify

import (
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// A forged event that was faster than the true one hides it no longer than until Apify is asked.
func TestReconcileFindsWhatAForgedEventStandsFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		dispatch string // "": no webhook told it
		forged   string // dispatch named by what is on record
	}{
		{"told, and taken for a repeat", "d1", "invented"},
		{"told, under the dispatch that the forged one names", "d1", "d1"},
		{"never told", "", "invented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.run("runA", "SUCCEEDED", moment)
			if c.dispatch != "" {
				l.dispatch(c.dispatch, DispatchSucceeded, "w1", "runA", moment)
			}
			l.deliver("", c.forged, "runA", moment)
			l.doubt("runA", view.DoubtUnverified)
			l.want(l.pass(PassOptions{DryRun: true}), "runA SUCCEEDED displaced found")
			l.want(l.pass(PassOptions{}), "runA SUCCEEDED displaced injected")
			if in := l.books.admitted[0]; len(l.books.admitted) != 1 || in.Via != dedup.ViaReconciled || in.DispatchID != c.dispatch {
				t.Errorf("admitted %d, the first %+v", len(l.books.admitted), in)
			}
			l.doubt("runA", "") // by the verifier, which believes what Apify has told
			l.restart()
			l.want(l.pass(PassOptions{}))
			if len(l.books.admitted) != 1 {
				t.Errorf("injected again")
			}
		})
	}
}

// Beside an event that may be the same, one that was not confirmed makes no difference: rather one too few than twice.
func TestReconcileLeavesWhatMayBeOnRecordBesideAForgedEvent(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.run("runA", "SUCCEEDED", moment)
	l.deliver("", "invented", "runA", moment)
	l.doubt("runA", view.DoubtUnverified)
	l.deliver(resourceless, "of-a-twin", "runA", moment)
	l.want(l.pass(PassOptions{}), "runA SUCCEEDED never_told unclear")
}

// What waits for its look-up may be the true event yet, but not for ever: nobody may keep the question open who has only
// invented a request.
func TestReconcileWaitsForWhatMayBeConfirmed(t *testing.T) {
	t.Parallel()
	const injected = "runA SUCCEEDED displaced injected"
	for _, c := range []struct {
		name     string
		onRecord string        // the dispatch that the event on record names
		age      time.Duration // of the event
		want     []string
	}{
		{"young", "invented", 9 * time.Minute, nil},
		{"old, by an invented dispatch", "invented", 11 * time.Minute, []string{injected}},
		{"old, by the dispatch itself", "d1", 24 * time.Hour, nil},
		{"old, by another webhook's dispatch for the same", "d2", 24 * time.Hour, nil},
		{"old, by another type's dispatch", "d3", 24 * time.Hour, []string{injected}},
		{"old, by another run's dispatch", "d4", 24 * time.Hour, []string{injected}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchSucceeded, "w1", "runA", moment)
			l.dispatch("d2", DispatchActive, "w2", "runA", moment)
			l.api.PutDispatch(apifytest.Dispatch("d3", DispatchActive, "w2", hookURL, "ACTOR.RUN.CREATED", "runA", moment))
			l.dispatch("d4", DispatchActive, "w2", "runB", moment)
			l.deliver("", c.onRecord, "runA", moment)
			l.doubt("runA", view.DoubtWaiting)
			l.receivedAt("runA", l.now.Add(-c.age))
			l.want(l.pass(PassOptions{}), c.want...)
		})
	}
}

// Nor may he have it reported as unclear, by an event of the same run that tells no generation.
func TestReconcileIsNotConfusedByWhatIsInvented(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.run("runA", "SUCCEEDED", moment)
	l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
	l.deliver(resourceless, "invented", "runA", moment)
	l.doubt("runA", view.DoubtWaiting)
	l.receivedAt("runA", l.now)
	l.want(l.pass(PassOptions{}), "runA SUCCEEDED gave_up injected")
}

// receivedAt sets when the events of a run came.
func (l *lost) receivedAt(runID string, at time.Time) {
	for key, e := range l.books.events {
		if e.RunID == runID {
			e.ReceivedAt = at
			l.books.events[key] = e
		}
	}
}

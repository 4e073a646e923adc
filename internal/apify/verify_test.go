package apify

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/samples"
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
			l.wantObjection(&c.doubt, c.want)
		})
	}
}

// eventOf is the event of a run that has one.
func (l *lost) eventOf(runID string) (found view.Event) {
	for _, e := range l.books.events {
		if e.RunID == runID {
			found = e
		}
	}
	return found
}

func (l *lost) looker() *Looker {
	looker := NewLooker(newTestClient(l.t, l.api), l.books, func() (*Gateway, error) { return l.gateway, nil })
	looker.now = func() time.Time { return l.now }
	return looker
}

// wantObjection looks a request up and sees that the objection has a part; "": that there is none.
func (l *lost) wantObjection(d *delivery.Doubt, want string) {
	l.t.Helper()
	got, err := l.looker().Look(l.t.Context(), d)
	if err != nil || (want == "") != (got == "") || !strings.Contains(got, want) {
		l.t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Of a run that was taken up again Apify shows the last end only. Others must lie where they can.
func TestLookComparesEndsOfARunThatWasResurrected(t *testing.T) {
	t.Parallel()
	const succeeded, failed = "ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.FAILED"
	started := moment.Add(-4 * time.Minute)
	for _, c := range []struct {
		name, status, told string
		at                 time.Time
		want               string
	}{
		{"the last end", "SUCCEEDED", succeeded, moment, ""},
		{"an earlier end", "SUCCEEDED", succeeded, moment.Add(-time.Second), ""},
		{"an earlier end of another type", "SUCCEEDED", failed, moment.Add(-time.Second), ""},
		{"an end at the very start", "SUCCEEDED", failed, started, ""},
		{"the last end, told as another", "SUCCEEDED", failed, moment, "told failed, at Apify it is succeeded"},
		{"an end after the last", "SUCCEEDED", succeeded, moment.Add(time.Millisecond), "after the run's last"},
		{"an end before the start", "SUCCEEDED", succeeded, started.Add(-time.Millisecond), "before the run was started"},
		{"an earlier end of a run that goes on", "RUNNING", succeeded, moment, ""},
		{"an end by a clock that is a little ahead", "RUNNING", succeeded, moment.Add(24*time.Hour + clockSlack), ""},
		{"an end to come", "RUNNING", succeeded, moment.Add(24*time.Hour + clockSlack + time.Second), "still to come"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.run("runA", c.status, moment, "stats", apifytest.Document{"resurrectCount": 1})
			l.wantObjection(&delivery.Doubt{
				By: "run", Source: "apify", Type: c.told, Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runA"}, Generation: apifytest.Time(c.at),
			}, c.want)
		})
	}
}

// A template that keeps the resource alone leaves open whether it is a run or a build.
func TestLookConfirmsABuildThatWasToldByItsResourceAlone(t *testing.T) {
	t.Parallel()
	sample, ok := samples.Get("build_succeeded")
	var told struct {
		EventType string
		EventData apifytest.Document
		Resource  struct{ ID string }
	}
	if err := json.Unmarshal(sample.Body, &told); err != nil || !ok {
		t.Fatal(err)
	}
	for _, keep := range [][]string{{"resource"}, {"eventData"}, {"eventType", "resource"}, {"eventType", "eventData"}, {"resource", "eventData"}} {
		t.Run(strings.Join(keep, " and "), func(t *testing.T) {
			t.Parallel()
			var whole map[string]json.RawMessage
			if err := json.Unmarshal(sample.Body, &whole); err != nil {
				t.Fatal(err)
			}
			kept := map[string]json.RawMessage{}
			for _, name := range keep {
				kept[name] = whole[name]
			}
			body, err := encode(kept)
			if err != nil {
				t.Fatal(err)
			}
			l := newLost(t)
			l.api.PutDispatch(with(apifytest.Dispatch("d1", DispatchActive, "w1", hookURL, told.EventType, "", moment.AddDate(0, 1, 0)), "eventData", told.EventData))
			in := identify(l.gateway.targets[0].Source, body, "d1", moment)
			d := delivery.Doubt{By: "dispatch", Source: "apify", Run: in.Run, Type: in.Type, Generation: in.Generation, DispatchID: "d1"}
			l.wantObjection(&d, "")
			d.Run.ID += "x"
			l.wantObjection(&d, "different runs")
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

func TestLookAsksNothingAboutWhatApifyHasTold(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	looker := l.looker()
	for _, by := range []delivery.Lookup{delivery.LookupDispatch, delivery.LookupRun} {
		d := delivery.Doubt{By: by, Source: "apify", Type: "ACTOR.RUN.SUCCEEDED", Via: dedup.ViaReconciled}
		if objection, err := looker.Look(t.Context(), &d); objection != "" || err != nil || len(l.api.Requests()) > 0 {
			t.Errorf("by %s: %q, %v, %d calls", by, objection, err, len(l.api.Requests()))
		}
	}
}

// A dispatch that has come as a repeat stands at no event. Who has read it in a log can't have another end believed with it.
func TestLookObjectsToTheSpentDispatchOfATwin(t *testing.T) {
	t.Parallel()
	const succeeded = "ACTOR.RUN.SUCCEEDED"
	type prepare func(l *lost)
	resurrected := func(l *lost) {
		l.run("runA", "SUCCEEDED", moment.Add(time.Minute), "stats", apifytest.Document{"resurrectCount": 1})
	}
	repeated := func(l *lost) { l.books.repeats["d2"] = l.eventOf("runA").ID }
	for _, c := range []struct {
		name       string
		generation string
		prepare    []prepare
		want       string
	}{
		{"whose receipt is there", apifytest.Time(moment.Add(-time.Second)), []prepare{repeated}, "has told another event"},
		{"whose receipt is there, by a body that tells no end", "", []prepare{repeated}, "has told another event"},
		{"whose receipt is there, of a run that was resurrected", apifytest.Time(moment.Add(time.Minute)), []prepare{resurrected, repeated}, "has told another event"},
		{"whose receipt is gone", apifytest.Time(moment.Add(-time.Second)), nil, "another time of the end"},
		{"whose receipt is gone, with an end after its dispatch", apifytest.Time(moment.Add(6*time.Second + 2*clockSlack)), []prepare{resurrected}, "after its dispatch was made"},
		{"whose receipt is gone, with an end before the run", apifytest.Time(moment.Add(-time.Hour)), []prepare{resurrected}, "before the run was started"},
		{"that is none: a further end of a run that was resurrected", apifytest.Time(moment.Add(time.Minute)), []prepare{resurrected}, ""},
		{"that is none: another template, which keeps no end", "", nil, ""},
		{"that is none: the run is gone", apifytest.Time(moment.Add(time.Second)), []prepare{func(l *lost) { l.api.Remove("runA") }}, ""},
		{"that is none: what is on record is in doubt itself", apifytest.Time(moment.Add(-time.Second)), []prepare{func(l *lost) { l.doubt("runA", view.DoubtWaiting) }}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchSucceeded, "w1", "runA", moment)
			l.dispatch("d2", DispatchSucceeded, "w2", "runA", moment)
			l.deliver("", "d1", "runA", moment)
			for _, prepare := range c.prepare {
				prepare(l)
			}
			l.wantObjection(&delivery.Doubt{
				By: "dispatch", EventID: dedup.NewID(moment.Add(time.Hour)), Source: "apify", DispatchID: "d2", Type: succeeded, Generation: c.generation,
				Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runA"},
			}, c.want)
		})
	}
}

// Where two requests name one dispatch and both wait, the later one must not take the earlier one's word away.
func TestOfTwoDoubtsOfOneDispatchTheEarlierIsBelieved(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.run("runA", "SUCCEEDED", moment)
	l.dispatch("d1", DispatchActive, "w1", "runA", moment)
	l.deliver("", "d1", "runA", moment)
	l.doubt("runA", view.DoubtWaiting)
	other := delivery.Doubt{
		By: "dispatch", Source: "apify", DispatchID: "d1", Type: "ACTOR.RUN.SUCCEEDED", Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runA"},
	}
	before, after := dedup.NewID(moment.Add(-time.Second)), dedup.NewID(moment.Add(time.Second))
	other.EventID = before
	l.wantObjection(&other, "")
	other.Retelling = after // came beside an event that was there before
	l.wantObjection(&other, "has told another event")
	other.EventID, other.Retelling = after, dedup.ID{}
	l.wantObjection(&other, "has told another event")
	l.doubt("runA", "")
	other.EventID = before
	l.wantObjection(&other, "has told another event")
}

// A forged event must not keep the one that it names the dispatch of from being believed.
func TestAnUnverifiedEventHasToldNothing(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.dispatch("d1", DispatchActive, "w1", "runA", moment)
	l.deliver("", "d1", "runA", moment)
	l.doubt("runA", view.DoubtUnverified)
	l.wantObjection(&delivery.Doubt{
		By: "dispatch", EventID: dedup.NewID(moment.Add(time.Second)), Source: "apify", DispatchID: "d1", Type: "ACTOR.RUN.SUCCEEDED",
		Run: dedup.RunRef{Kind: dedup.KindRun, ID: "runA"},
	}, "")
}

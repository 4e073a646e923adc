package apify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// books are a ledger and a gate in memory: an event is known by its key.
type books struct {
	mu       sync.Mutex
	events   map[string]view.Event
	repeats  map[string]string // events by the dispatches that have told them again
	admitted []*dedup.Inbound
	progress time.Time
	refuse   error     // by the gate
	until    time.Time // when it stops to refuse; zero: never
	busy     bool      // another process is at it
	reads    int
}

func (b *books) Recorded(_ context.Context, source string, runs []dedup.RunRef, keys []string) ([]view.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	var found []view.Event
	for _, e := range b.events {
		ofRun := e.Doubt != view.DoubtUnverified && slices.ContainsFunc(runs, func(r dedup.RunRef) bool { return e.RunID == r.ID && e.Kind == string(r.Kind) })
		if e.Source == source && (ofRun || slices.Contains(keys, e.Key)) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (b *books) ToldBy(_ context.Context, dispatchID string, events []string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if event := b.repeats[dispatchID]; slices.Contains(events, event) {
		return event, nil
	}
	return "", nil
}

func (b *books) Exclusively(ctx context.Context, _ string, work func(context.Context) error) (bool, error) {
	b.mu.Lock()
	busy := b.busy
	b.busy = true
	b.mu.Unlock()
	if busy {
		return false, nil
	}
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.busy = false
	}()
	return true, work(ctx)
}

func (b *books) Progress(context.Context, string) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.progress, nil
}

func (b *books) SetProgress(_ context.Context, _ string, until time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress = until
	return nil
}

func (b *books) Admit(_ context.Context, in *dedup.Inbound) (dedup.Verdict, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil && (b.until.IsZero() || time.Now().Before(b.until)) {
		return dedup.Verdict{}, b.refuse
	}
	b.admitted = append(b.admitted, in)
	if e, known := b.events[in.Key.String()]; known {
		return dedup.Verdict{Outcome: dedup.OutcomeDuplicate, InDoubt: e.Doubt != ""}, nil
	}
	b.enter(in)
	return dedup.Verdict{Outcome: dedup.OutcomeNew, EventID: dedup.NewID(in.ReceivedAt)}, nil
}

func (b *books) enter(in *dedup.Inbound) {
	b.events[in.Key.String()] = view.Event{
		ID: dedup.NewID(in.ReceivedAt).String(), Source: in.Key.Source, Key: in.Key.Event, Type: in.Type, Kind: string(in.Run.Kind), RunID: in.Run.ID,
		Generation: in.Generation, DispatchID: in.DispatchID, ReceivedAt: in.ReceivedAt,
	}
}

// lost is an account, its gateway, and what of it is on record.
type lost struct {
	t       *testing.T
	api     *apifytest.Server
	books   *books
	gateway *Gateway
	now     time.Time
	kept    time.Duration
	r       *Reconciler
}

func newLost(t *testing.T, targets ...Target) *lost {
	t.Helper()
	l := &lost{
		t: t, api: apifytest.New(canary), books: &books{events: map[string]view.Event{}, repeats: map[string]string{}}, gateway: newGateway(t, targets...),
		now: moment.Add(24 * time.Hour), kept: 400 * 24 * time.Hour,
	}
	l.api.PutWebhook(apifytest.Webhook("w1", hookURL))
	l.restart()
	return l
}

// restart forgets what the reconciler keeps in memory.
func (l *lost) restart() {
	l.r = NewReconciler(ReconcileOptions{
		API: newTestClient(l.t, l.api), Record: l.books, Gate: l.books, Gateway: func() (*Gateway, error) { return l.gateway, nil },
		KeysKept: func() time.Duration { return l.kept }, LongestRun: 24 * time.Hour, Log: testkit.Logger(l.t),
		Now: func() time.Time { return l.now },
	})
}

func (l *lost) pass(o PassOptions) Report {
	l.t.Helper()
	report, err := l.r.Pass(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	return report
}

// run puts an ended run into the account.
func (l *lost) run(id, status string, finished time.Time, changes ...any) {
	l.api.PutRun(with(apifytest.Run(id, status, finished), changes...))
}

// dispatch puts what a webhook had to tell of a run six seconds after it ended.
func (l *lost) dispatch(id, status, webhook, runID string, finished time.Time) {
	l.api.PutDispatch(apifytest.Dispatch(id, status, webhook, hookURL, "ACTOR.RUN.SUCCEEDED", runID, finished.Add(6*time.Second)))
}

// deliver puts on record what a webhook has told of a run, in the default payload or in another.
func (l *lost) deliver(template, dispatchID, runID string, finished time.Time) {
	l.t.Helper()
	document, err := json.Marshal(apifytest.Run(runID, "SUCCEEDED", finished))
	if err != nil {
		l.t.Fatal(err)
	}
	body, err := Render(template, false, Variables{
		CreatedAt: quote(apifytest.Time(finished)), EventType: quote("ACTOR.RUN.SUCCEEDED"),
		EventData: json.RawMessage(`{"actorRunId":"` + runID + `"}`), Resource: document,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	in := identify(l.gateway.targets[0].Source, body, dispatchID, finished)
	if in.Quarantine != nil {
		l.t.Fatal(in.Quarantine.Message)
	}
	l.books.enter(&in)
}

// doubt sets how sure the events of a run are.
func (l *lost) doubt(runID, doubt string) {
	for key, e := range l.books.events {
		if e.RunID == runID {
			e.Doubt = doubt
			l.books.events[key] = e
		}
	}
}

func (l *lost) want(report Report, want ...string) {
	l.t.Helper()
	var got []string
	for _, m := range report.Missing {
		got = append(got, fmt.Sprintf("%s %s %s %s", m.RunID, strings.TrimPrefix(m.Type, "ACTOR.RUN."), m.Why, m.Result))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("missing:\n got %q\nwant %q", got, want)
	}
}

// resourceless is a payload that tells no generation.
const resourceless = `{"eventType":{{eventType}},"runId":{{eventData.actorRunId}}}`

func TestReconcileFindsWhatWasToldInVain(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	for i, status := range []string{DispatchSucceeded, DispatchFailed, DispatchActive, DispatchSucceeded} {
		at := moment.Add(time.Duration(i) * time.Minute)
		id := "run" + string(rune('A'+i))
		l.run(id, "SUCCEEDED", at)
		l.dispatch("dispatch"+id, status, "w1", id, at)
	}
	l.deliver("", "dispatchrunA", "runA", moment)

	dry := l.pass(PassOptions{DryRun: true})
	l.want(dry, "runB SUCCEEDED gave_up found", "runD SUCCEEDED lost found")
	if len(l.books.admitted) > 0 || !l.books.progress.IsZero() {
		t.Errorf("a dry run has done something: %d, %v", len(l.books.admitted), l.books.progress)
	}
	report := l.pass(PassOptions{})
	l.want(report, "runB SUCCEEDED gave_up injected", "runD SUCCEEDED lost injected")
	if report.Dispatches != 4 || report.Active != 1 || report.Missing[0].LastStatus != 503 || report.Missing[0].EventID == "" {
		t.Errorf("report: %+v", report)
	}
	if !l.books.progress.Equal(l.now) {
		t.Errorf("the checkpoint is %v, want %v", l.books.progress, l.now)
	}
	in := l.books.admitted[0]
	if in.Via != dedup.ViaReconciled || in.DispatchID != "dispatchrunB" || in.Status != dedup.StatusSucceeded || in.Generation == "" ||
		!strings.Contains(string(in.Body), `"statusMessage":"Done: 517 pages, 1 < 2 & ü."`) && !strings.Contains(string(in.Body), `1 \u003c 2 \u0026 ü`) {
		t.Errorf("injected: %+v\n%s", in, in.Body)
	}

	l.want(l.pass(PassOptions{}))
	l.restart()
	l.want(l.pass(PassOptions{}))
	if len(l.books.admitted) != 2 {
		t.Errorf("%d were injected, want 2 for ever", len(l.books.admitted))
	}
}

// A reconciled event has the key that a delivery would have, so a late retry is a duplicate.
func TestReconciledEventsHaveTheKeysOfDeliveries(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"default payload":       "",
		"payload without end":   resourceless,
		"payload without a run": `{"what":{{eventType}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			l.api.PutWebhook(with(apifytest.Webhook("w1", hookURL), "payloadTemplate", template))
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
			l.want(l.pass(PassOptions{}), "runA SUCCEEDED gave_up injected")
			l.deliver(template, "d1", "runA", moment)
			if len(l.books.events) != 1 {
				t.Errorf("the retry is another event: %v", l.books.events)
			}
		})
	}
}

func TestReconcileNeverTellsAnEventTwice(t *testing.T) {
	t.Parallel()
	second := moment.Add(time.Hour)
	for _, c := range []struct {
		name    string
		prepare func(l *lost)
		want    []string
	}{
		{"told by a twin webhook", func(l *lost) {
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d2", DispatchFailed, "w2", "runA", moment)
			l.deliver("", "d1", "runA", moment)
		}, nil},
		{"told by a twin whose payload has no generation", func(l *lost) {
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d2", DispatchFailed, "w2", "runA", moment)
			l.deliver(resourceless, "d1", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up unclear"}},
		{"another end of the same run, told by the same webhook without a generation", func(l *lost) {
			l.api.PutWebhook(with(apifytest.Webhook("w1", hookURL), "payloadTemplate", resourceless))
			l.run("runA", "SUCCEEDED", second)
			l.dispatch("d1", DispatchSucceeded, "w1", "runA", moment)
			l.dispatch("d2", DispatchFailed, "w1", "runA", second)
			l.deliver(resourceless, "d1", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up injected"}},
		{"the first of two ends, while the second is on record", func(l *lost) {
			l.run("runA", "SUCCEEDED", second, "stats", apifytest.Document{"resurrectCount": 1})
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
			l.dispatch("d2", DispatchSucceeded, "w1", "runA", second)
			l.deliver("", "d2", "runA", second)
		}, []string{"runA SUCCEEDED gave_up injected"}},
		{"the second of two ends, while the first is on record", func(l *lost) {
			l.run("runA", "SUCCEEDED", second, "stats", apifytest.Document{"resurrectCount": 1})
			l.dispatch("d1", DispatchSucceeded, "w1", "runA", moment)
			l.dispatch("d2", DispatchFailed, "w1", "runA", second)
			l.deliver("", "d1", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up injected"}},
		{"a run that is gone", func(l *lost) {
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up injected"}},
		{"a run that is gone, told by a twin", func(l *lost) {
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
			l.deliver("", "d2", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up unclear"}},
		{"a webhook that is gone", func(l *lost) {
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchFailed, "deleted", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up injected"}},
		{"what leads elsewhere, and tests", func(l *lost) {
			l.run("runA", "SUCCEEDED", moment)
			l.api.PutDispatch(apifytest.Dispatch("d1", DispatchFailed, "w1", "https://example.com/webhooks/apify", "ACTOR.RUN.SUCCEEDED", "runA", moment))
			l.api.PutDispatch(apifytest.Dispatch("d2", DispatchFailed, "w1", hookURL, "TEST", "runA", moment))
		}, nil},
		{"what is older than the keys", func(l *lost) {
			l.kept = 12 * time.Hour
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
		}, nil},
		{"a payload that can't be identified", func(l *lost) {
			l.api.PutWebhook(with(apifytest.Webhook("w1", hookURL), "payloadTemplate", `[`+strings.Repeat("[", 11000)+strings.Repeat("]", 11000)+`]`))
			l.run("runA", "SUCCEEDED", moment)
			l.dispatch("d1", DispatchFailed, "w1", "runA", moment)
		}, []string{"runA SUCCEEDED gave_up injected"}}, // by the default payload: Apify could not have sent that one
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t, Target{Source: newSource(t, "apify", source.ByDispatch), Look: LookDispatches})
			l.api.PutWebhook(apifytest.Webhook("w2", hookURL))
			c.prepare(l)
			before := len(l.books.events)
			l.want(l.pass(PassOptions{}), c.want...)
			injected := 0
			for _, w := range c.want {
				if strings.HasSuffix(w, string(ResultInjected)) {
					injected++
				}
			}
			if got := len(l.books.events) - before; got != injected {
				t.Errorf("%d new events, want %d", got, injected)
			}
			l.restart()
			for _, m := range l.pass(PassOptions{}).Missing {
				if m.Result == ResultInjected {
					t.Errorf("injected again: %+v", m)
				}
			}
		})
	}
}

func TestReconcileFindsRunsThatNoWebhookTold(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.run("told", "SUCCEEDED", moment)
	l.dispatch("d1", DispatchActive, "w1", "told", moment)
	l.run("untold", "TIMED-OUT", moment.Add(time.Minute))
	l.run("known", "SUCCEEDED", moment)
	l.deliver("", "long-gone", "known", moment)
	l.run("unclear", "SUCCEEDED", moment.Add(2*time.Minute))
	l.deliver(resourceless, "long-gone-too", "unclear", moment)
	l.run("again", "SUCCEEDED", moment.Add(3*time.Minute), "stats", apifytest.Document{"resurrectCount": 1})
	l.dispatch("d2", DispatchSucceeded, "w1", "again", moment)
	l.deliver("", "d2", "again", moment)
	l.run("running", "RUNNING", moment, "finishedAt", nil)
	l.run("tooYoung", "SUCCEEDED", l.now.Add(-time.Minute))
	l.run("tooOld", "SUCCEEDED", moment.Add(-30*time.Hour))
	l.run("ofAnother", "SUCCEEDED", moment, "actId", "another")
	want := []string{
		"untold TIMED_OUT never_told injected", "unclear SUCCEEDED never_told unclear", "again SUCCEEDED never_told injected",
	}
	l.want(l.pass(PassOptions{}), want...)
	if in := l.books.admitted[0]; in.DispatchID != "" || in.Status != dedup.StatusTimedOut || in.Via != dedup.ViaReconciled {
		t.Errorf("injected: %+v", in)
	}
	l.want(l.pass(PassOptions{}), want[1])
}

func TestReconcileLooksAtRunsWhereItIsAskedTo(t *testing.T) {
	t.Parallel()
	src := newSource(t, "apify", source.ByDispatch)
	for _, c := range []struct {
		name   string
		target Target
		change []any // of the webhook
		want   []string
	}{
		{"of the webhook's Actor", Target{Source: src, Look: LookRuns}, nil, []string{"runA SUCCEEDED never_told injected", "runB FAILED never_told injected"}},
		{
			"the webhook's events only",
			Target{Source: src, Look: LookRuns},
			[]any{"eventTypes", []string{"ACTOR.RUN.FAILED"}},
			[]string{"runB FAILED never_told injected"},
		},
		{
			"of a switched-off webhook",
			Target{Source: src, Look: LookRuns},
			[]any{"isEnabled", false},
			[]string{"runA SUCCEEDED never_told injected", "runB FAILED never_told injected"},
		},
		{
			"of the webhook's task",
			Target{Source: src, Look: LookRuns},
			[]any{"condition", apifytest.Document{"actorTaskId": apifytest.TaskID}},
			[]string{"runB FAILED never_told injected"},
		},
		{
			"with a payload that can't do without a dispatch",
			Target{Source: src, Look: LookRuns},
			[]any{"payloadTemplate", resourceless},
			[]string{"runA SUCCEEDED never_told injected", "runB FAILED never_told injected"},
		},
		{"not of webhooks that lead elsewhere", Target{Source: src, Look: LookRuns}, []any{"requestUrl", "https://example.com/"}, nil},
		{
			"of Actors that are named, once",
			Target{Source: src, Look: LookRuns, Actors: []string{apifytest.ActorID}, Tasks: []string{apifytest.TaskID}},
			nil,
			[]string{"runA SUCCEEDED never_told injected", "runB FAILED never_told injected"},
		},
		{"not for dispatches only", Target{Source: src, Look: LookDispatches}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t, c.target)
			l.api.PutWebhook(with(apifytest.Webhook("w1", hookURL), c.change...))
			l.run("runA", "SUCCEEDED", moment)
			l.run("runB", "FAILED", moment.Add(time.Minute), "actorTaskId", apifytest.TaskID)
			l.want(l.pass(PassOptions{}), c.want...)
		})
	}
}

func TestReconcileGoesOnWhereItFailed(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	for i := range 3 {
		at := moment.Add(time.Duration(i) * time.Minute)
		id := "run" + string(rune('A'+i))
		l.run(id, "SUCCEEDED", at)
		l.dispatch("d"+id, DispatchFailed, "w1", id, at)
	}
	l.books.refuse = dedup.ErrBusy
	if _, err := l.r.Pass(t.Context(), PassOptions{}); !errors.Is(err, dedup.ErrBusy) {
		t.Fatal(err)
	}
	l.api.Fail("/actor-runs/", 404+99, "") // no status that is waited for
	if _, err := l.r.Pass(t.Context(), PassOptions{}); err == nil {
		t.Fatal("no error")
	}
	if !l.books.progress.IsZero() {
		t.Error("a failed pass has moved the checkpoint")
	}
	l.books.refuse = nil
	l.want(l.pass(PassOptions{}), "runA SUCCEEDED gave_up injected", "runB SUCCEEDED gave_up injected", "runC SUCCEEDED gave_up injected")
	if !l.books.progress.Equal(l.now) {
		t.Error("the checkpoint was not moved")
	}
}

func TestReconcileLooksBackFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		checkpoint     time.Duration // before now; 0: none
		since          time.Duration // before now; 0: not asked for
		want           time.Duration // before now
		keepCheckpoint bool
	}{
		{"two days at first", 0, 0, 48 * time.Hour, false},
		{"two days before the last pass", time.Hour, 0, 49 * time.Hour, false},
		{"two days before a pass of long ago", 240 * time.Hour, 0, 288 * time.Hour, false},
		{"as far as keys are kept", 10000 * time.Hour, 0, 9599 * time.Hour, false},
		{"as far as it is asked to", time.Hour, 100 * time.Hour, 100 * time.Hour, false},
		{"not so far that something would be left out", 240 * time.Hour, time.Hour, time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLost(t)
			if c.checkpoint > 0 {
				l.books.progress = l.now.Add(-c.checkpoint)
			}
			o := PassOptions{}
			if c.since > 0 {
				o.Since = l.now.Add(-c.since)
			}
			before := l.books.progress
			report := l.pass(o)
			if got := l.now.Sub(report.From); got != c.want {
				t.Errorf("looked back %s, want %s", got, c.want)
			}
			if kept := l.books.progress.Equal(before); kept != c.keepCheckpoint {
				t.Errorf("checkpoint kept: %v, want %v", kept, c.keepCheckpoint)
			}
		})
	}
}

func TestReconcileGivesWayToAnotherProcess(t *testing.T) {
	t.Parallel()
	l := newLost(t)
	l.books.busy = true
	if report := l.pass(PassOptions{}); !report.Elsewhere || len(l.api.Requests()) > 0 {
		t.Errorf("report %+v, %d requests", report, len(l.api.Requests()))
	}
}

// What a pass has settled is neither read nor asked about again.
func TestReconcileRemembersWhatItHasSettled(t *testing.T) {
	t.Parallel()
	l := newLost(t, Target{Source: newSource(t, "apify", source.ByDispatch), Look: LookDispatches})
	for i := range 120 {
		id := fmt.Sprintf("run%03d", i)
		l.dispatch("d"+id, DispatchSucceeded, "w1", id, moment)
		l.deliver("", "d"+id, id, moment)
	}
	l.pass(PassOptions{})
	if l.books.reads != 3 {
		t.Errorf("120 runs took %d reads, want 3", l.books.reads)
	}
	before := len(l.api.Requests())
	l.pass(PassOptions{})
	if l.books.reads != 3 || len(l.api.Requests())-before != 1 {
		t.Errorf("the second pass took %d reads and %d calls", l.books.reads-3, len(l.api.Requests())-before)
	}
}

package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// forgedEvent tells the same event as runEvent, by somebody who knows the source's URL, the run's id and the time of its end.
func forgedEvent(n, variant int) []byte {
	return fmt.Appendf(nil, `{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"%017d","actorId":"stranger"},`+
		`"resource":{"finishedAt":"2026-09-14T08:04:21.640Z","defaultDatasetId":"stranger%d","stats":{"resurrectCount":7}}}`, n, variant)
}

// forgery is a gateway that holds, an account that has dispatched the end of run 1, and an application.
type forgery struct {
	*running
	apify *apifytest.Server
	sink  *sink
}

const trueDispatch = "SExv8QzmugdNukKjN"

func onForgery(t *testing.T, test func(f forgery)) {
	t.Helper()
	for name, stores := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, sink := apifytest.New(apifyToken), newSink(t)
			runID, document := runDocument(1)
			api.PutWebhook(apifytest.Webhook("w1", hookURL))
			api.PutRun(document)
			api.PutDispatch(apifytest.Dispatch(trueDispatch, "SUCCEEDED", "w1", hookURL, "ACTOR.RUN.SUCCEEDED", runID, time.Now().Add(-time.Minute)))
			r := startAsking(t, api, stores(t)+"destinations:\n"+destinedTo("app", sink, ""), ", verify: dispatch, hold: true")
			test(forgery{r, api, sink})
		})
	}
}

func (f forgery) forge(variant int) answer {
	f.t.Helper()
	a := f.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {fmt.Sprintf("1nventedbyastrange%d", variant)}, "Content-Type": {"application/json; charset=utf-8"}}, forgedEvent(1, variant))
	if a.Code != http.StatusOK {
		f.t.Fatalf("answered %d", a.Code)
	}
	return a
}

func (f forgery) tell() answer {
	f.t.Helper()
	return f.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {trueDispatch}}, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
}

func (f forgery) wantDoubt(event, want string) {
	f.t.Helper()
	testkit.Eventually(f.t, time.Minute, func() error {
		var e view.Event
		if err := f.tryAPI("/events/"+event, &e); err != nil {
			return err
		}
		if e.Doubt != want {
			return fmt.Errorf("the event's doubt is %q, want %q", e.Doubt, want)
		}
		return nil
	})
}

// wantHandedOn waits until the application has the event, and sees that it got it once, true and signed.
func (f forgery) wantHandedOn(event string, body []byte) {
	f.t.Helper()
	f.wantState("?event_id="+event, "delivered")
	got := f.sink.all()
	if len(got) != 1 {
		f.t.Fatalf("the application has got %d requests", len(got))
	}
	if body != nil && !bytes.Equal(got[0].Body, body) || bytes.Contains(got[0].Body, []byte("stranger")) {
		f.t.Errorf("the application has got %q", got[0].Body)
	}
	h := got[0].Header
	if h.Get("Webhook-Id") != event || h.Get("Content-Type") != "application/json" ||
		h.Get("Webhook-Signature") != sign(f.t, event, h.Get("Webhook-Timestamp"), got[0].Body) {
		f.t.Errorf("headers %v", h)
	}
	var stored []byte
	f.api("/events/"+event+"/body", &stored)
	if !bytes.Equal(stored, got[0].Body) {
		f.t.Errorf("on record is %q", stored)
	}
}

func (f forgery) aside() []view.Quarantined {
	f.t.Helper()
	return items[view.Quarantined](f.running, "/quarantine?reason=unverified")
}

// The whole attack: the stranger is first, and the true request would be taken for a repeat of his.
func TestATrueEventGoesOutAlthoughAForgedOneWasFirst(t *testing.T) {
	t.Parallel()
	onForgery(t, func(f forgery) {
		forged := f.forge(0)
		told := f.tell()
		if forged.Outcome != "new" || told.Outcome != "duplicate" || told.EventID != forged.EventID {
			f.t.Fatalf("outcomes %s, %s", forged.Outcome, told.Outcome)
		}
		f.wantHandedOn(forged.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		f.wantDoubt(forged.EventID, "")
		for i := range 3 { // the first settles the mark that the event did not get before
			f.forge(0)
			a := f.tell()
			if a.Outcome != "duplicate" || i > 0 && a.Header.Get("X-Dedup-Outcome") != "duplicate; reason=window_hit" {
				f.t.Errorf("a repeat is %s", a.Header.Get("X-Dedup-Outcome"))
			}
		}
		f.wantHandedOn(forged.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		if kept := f.aside(); len(kept) != 1 || kept[0].FirstSeenAt.IsZero() || kept[0].ContentType != "application/json; charset=utf-8" {
			f.t.Errorf("in quarantine: %+v", kept)
		} else {
			var body []byte
			f.api("/quarantine/"+kept[0].ID+"/body", &body)
			if !bytes.Equal(body, forgedEvent(1, 0)) {
				f.t.Errorf("in quarantine is %q", body)
			}
		}
		var audit view.Page[view.AuditEntry]
		f.api("/audit?action=events.replace", &audit)
		if len(audit.Items) != 1 || audit.Items[0].Target != forged.EventID {
			f.t.Errorf("audit: %+v", audit.Items)
		}
	})
}

func TestAForgedEventAfterATrueOneChangesNothing(t *testing.T) {
	t.Parallel()
	onForgery(t, func(f forgery) {
		told := f.tell()
		f.forge(0) // perhaps before the look-up
		f.wantHandedOn(told.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		if again := f.forge(1); again.Outcome != "duplicate" {
			f.t.Errorf("a forged one is %s", again.Outcome)
		}
		f.wantDoubt(told.EventID, "")
		f.wantHandedOn(told.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		if kept := f.aside(); len(kept) > 0 {
			f.t.Errorf("in quarantine: %+v", kept)
		}
	})
}

func TestATrueEventGoesOutAlthoughAForgedOneWasObjectedTo(t *testing.T) {
	t.Parallel()
	onForgery(t, func(f forgery) {
		forged := f.forge(0)
		f.forge(1)
		f.wantDoubt(forged.EventID, view.DoubtUnverified)
		f.wantState("?event_id="+forged.EventID, "held")
		if len(f.sink.all()) > 0 {
			f.t.Fatal("a forged event was handed on")
		}
		f.tell()
		f.wantHandedOn(forged.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		if kept := f.aside(); len(kept) != 2 {
			f.t.Errorf("in quarantine: %+v", kept)
		}
	})
}

// A stranger can take all the places beside an event, again and again, so that the true request leaves a receipt alone. Apify
// is asked then, however much of his still waits.
func TestATrueEventIsReconciledWhileForgedOnesTakeAllPlaces(t *testing.T) {
	t.Parallel()
	onForgery(t, func(f forgery) {
		forged := f.forge(0)
		for i := range 40 {
			f.forge(i + 1)
		}
		f.tell()
		f.wantDoubt(forged.EventID, view.DoubtUnverified)
		testkit.Eventually(f.t, time.Minute, func() error {
			if n := len(f.aside()); n != 16 {
				return fmt.Errorf("%d in quarantine", n)
			}
			return nil
		})
		for i := range 40 {
			f.forge(i + 100)
		}
		f.wantDoubt(forged.EventID, view.DoubtUnverified)
		f.tell() // finds no place, as before
		if n := len(f.sink.all()); n > 0 {
			f.t.Fatalf("%d handed on", n)
		}
		report, err := app.Reconcile(f.t.Context(), f.config(), apify.PassOptions{}, metrics.Build{Version: "test"}, testkit.Logger(f.t))
		if err != nil || len(report.Missing) != 1 || report.Missing[0].Why != apify.WhyDisplaced || report.Missing[0].Result != apify.ResultInjected {
			f.t.Fatalf("report %+v, %v", report, err)
		}
		f.wantHandedOn(forged.EventID, nil)
		f.wantDoubt(forged.EventID, "")
		for i := range 3 {
			f.forge(i + 200)
			f.tell()
		}
		report, err = app.Reconcile(f.t.Context(), f.config(), apify.PassOptions{}, metrics.Build{Version: "test"}, testkit.Logger(f.t))
		if err != nil || len(report.Missing) > 0 {
			f.t.Errorf("a second pass: %+v, %v", report, err)
		}
		f.wantHandedOn(forged.EventID, nil)
	})
}

// A doubled webhook's dispatch comes as a repeat and stands at no event. Who has read its id gains nothing by it.
func TestTheSpentDispatchOfATwinTellsNothingElse(t *testing.T) {
	t.Parallel()
	onForgery(t, func(f forgery) {
		const twin = "2windi5patchQmW7x"
		runID, _ := runDocument(1)
		f.apify.PutDispatch(apifytest.Dispatch(twin, "SUCCEEDED", "w2", hookURL, "ACTOR.RUN.SUCCEEDED", runID, time.Now().Add(-time.Minute)))
		told := f.tell()
		f.wantHandedOn(told.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
		body := runEvent(1, "ACTOR.RUN.SUCCEEDED")
		if a := f.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {twin}}, body); a.Outcome != "duplicate" {
			f.t.Fatalf("the twin is %s", a.Outcome)
		}
		body = bytes.Replace(body, []byte("08:04:21"), []byte("08:04:20"), 1)
		forged := f.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {twin}}, body)
		if forged.Outcome == "duplicate" || forged.EventID == told.EventID {
			f.t.Fatalf("another end is %s, event %s", forged.Outcome, forged.EventID)
		}
		f.wantDoubt(forged.EventID, view.DoubtUnverified)
		f.wantHandedOn(told.EventID, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
	})
}

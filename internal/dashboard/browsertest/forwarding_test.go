package browsertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// receiver is an application that events are handed to.
type receiver struct {
	url      string
	status   atomic.Int64 // of its answers
	requests atomic.Int64
}

func newReceiver(t *testing.T, status int64) *receiver {
	t.Helper()
	r := &receiver{}
	r.status.Store(status)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.requests.Add(1)
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}

func (r *receiver) waitFor(t *testing.T, requests int64) {
	t.Helper()
	testkit.Eventually(t, patience, func() error {
		if got := r.requests.Load(); got != requests {
			return fmt.Errorf("the receiver got %d requests, want %d", got, requests)
		}
		return nil
	})
}

const someRun = "forwardedRun00001"

func TestADeadLetterIsRetriedAndARunReplayed(t *testing.T) {
	t.Parallel()
	app := newReceiver(t, http.StatusInternalServerError)
	g := startGateway(t, destination("app", app.url, `, retry: {attempts: 1}`))
	b := openDashboard(t, g)
	g.send(dispatch("one"), runEnd(someRun, "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	app.waitFor(t, 1)

	b.open("/deliveries")
	b.until(`document.querySelector("tbody .badge.red")`)
	b.press("RUN.SUCCEEDED")
	b.shows("dead", "500", "attempt 1", "the receiver answered 500")
	app.status.Store(http.StatusNoContent)
	b.press("Retry…")
	b.fill("dialog input", "receiver fixed")
	b.press("Retry")
	b.shows("Retry: done", "delivered", "204")
	app.waitFor(t, 2)

	b.open("/runs/" + someRun)
	b.shows("attempt 1 to app", "attempt 2 to app")
	b.press("Replay…")
	b.shows("1 delivery of 1 event would be made.")
	b.fill("dialog input", "database restored")
	b.press("Replay")
	b.shows("1 delivery made", "replay 1")
	app.waitFor(t, 3)

	b.open("/audit")
	b.shows("receiver fixed", "database restored", "deliveries.retry", "events.replay")
}

func TestManyAreRetriedAfterTheyWereCounted(t *testing.T) {
	t.Parallel()
	const events = 7
	app := newReceiver(t, http.StatusInternalServerError)
	g := startGateway(t, destination("app", app.url, `, retry: {attempts: 1}`))
	for i := range events {
		g.send(dispatch(fmt.Sprint("d", i)), runEnd(fmt.Sprintf("manyRuns%09d", i), "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	}
	b := openDashboard(t, g)
	b.until(`[...document.querySelectorAll("a")].some((e) => e.textContent === "Dead letters" && e.closest("tr").textContent.includes("7"))`)
	b.press("Dead letters")
	b.until(fmt.Sprintf(`document.querySelectorAll('[aria-label="Deliveries"] tbody tr').length === %d`, events))
	sent := app.requests.Load()
	app.status.Store(http.StatusNoContent)
	b.press("Retry all…")
	b.shows("7 deliveries would be retried.")
	b.fill("dialog input", "receiver fixed")
	b.press("Retry 7")
	b.shows("7 deliveries retried", "No deliveries found")
	app.waitFor(t, sent+events)
}

func TestThoseThatArePickedAreRetried(t *testing.T) {
	t.Parallel()
	app := newReceiver(t, http.StatusInternalServerError)
	g := startGateway(t, destination("app", app.url, `, retry: {attempts: 1}`))
	for i := range 4 {
		g.send(dispatch(fmt.Sprint("d", i)), runEnd(fmt.Sprintf("pickedRun%08d", i), "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	}
	app.waitFor(t, 4)
	b := openDashboard(t, g)
	b.open("/deliveries?state=dead")
	b.until(`document.querySelectorAll("tbody .pick input").length === 4`)
	app.status.Store(http.StatusNoContent)
	eval[bool](b, `([...document.querySelectorAll("tbody .pick input")].slice(1, 3).forEach((e) => e.click()), true)`)
	b.press("Retry 2…")
	b.shows("2 deliveries would be retried.")
	b.fill("dialog input", "receiver fixed")
	b.press("Retry 2")
	b.shows("2 deliveries retried")
	b.until(`document.querySelectorAll("tbody .pick input").length === 2`)
	app.waitFor(t, 6)
}

func TestADestinationIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	app := newReceiver(t, http.StatusNoContent)
	g := startGateway(t, destination("app", app.url, ""))
	b := openDashboard(t, g)
	b.open("/deliveries")
	b.press("Pause…")
	b.fill("dialog input", "deploying")
	b.press("Pause")
	b.shows("app is paused")
	b.until(`[...document.querySelectorAll(".badge")].some((e) => e.textContent === "paused")`)
	events := 0
	testkit.Eventually(t, patience, func() error { // a pause takes a moment to reach those who send
		g.send(dispatch(fmt.Sprint("d", events)), runEnd(fmt.Sprintf("pausedRun%08d", events), "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
		events++
		b.press("Refresh")
		b.settled()
		if waiting := strings.Count(b.text(), "pending\tapp"); waiting < 3 { // one alone may be on its way
			return fmt.Errorf("%d events of %d wait", waiting, events)
		}
		return nil
	})
	if waiting := int64(events) - app.requests.Load(); waiting < 3 {
		t.Errorf("%d events wait for a paused destination", waiting)
	}
	b.press("Resume…")
	b.fill("dialog input", "deployed")
	b.press("Resume")
	app.waitFor(t, int64(events))
	b.until(`!document.body.innerText.includes("pending\tapp")`)
}

// waitForAPause pauses the destination app and waits until one delivery has been waiting for it for a second. A pause takes a
// moment to reach those who send, so that events may get through before.
func waitForAPause(t *testing.T, g *gateway) {
	t.Helper()
	var done json.RawMessage
	g.api("/destinations/app/pause", map[string]any{"reason": "deploying"}, &done)
	events := 0
	testkit.Eventually(t, patience, func() error {
		var waiting view.Page[view.Delivery]
		if g.api("/deliveries?state=pending", nil, &waiting); len(waiting.Items) == 0 {
			events++
			g.send(dispatch(fmt.Sprint("d", events)), runEnd(fmt.Sprintf("stuckRun%09d", events), "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
		}
		var stuck view.StuckReport
		if g.api("/stuck?deliveries=1s", nil, &stuck); len(stuck.Deliveries) != 1 || stuck.Deliveries[0].WaitsFor != view.WaitsForResume {
			return fmt.Errorf("after %d events: %+v", events, stuck.Deliveries)
		}
		return nil
	})
}

func TestStuckDeliveriesAreCleared(t *testing.T) {
	t.Parallel()
	app := newReceiver(t, http.StatusNoContent)
	g := startGateway(t, destination("app", app.url, ""))
	waitForAPause(t, g)
	before := app.requests.Load()
	b := openDashboard(t, g)
	b.open("/stuck")
	b.shows("Deliveries that are not over", "none")
	b.open("/stuck?deliveries=1s")
	b.until(`document.querySelector('[aria-label="Deliveries that are not over"] tbody')?.textContent.includes("waits for its paused destination")`)
	b.press("Clear stuck deliveries…")
	b.shows("Clear stuck deliveries", "Each gets a new job", "1 delivery would be cleared.")
	b.fill("dialog input", "the queue was emptied by hand")
	b.press("Clear 1")
	b.shows("1 delivery cleared")
	b.until(`!document.querySelector("dialog")`)
	if n := app.requests.Load(); n != before {
		t.Errorf("%d requests to a paused destination", n-before)
	}
	b.open("/audit?action=stuck.clear")
	b.shows("the queue was emptied by hand", "due>1s")

	b.open("/deliveries")
	b.press("Resume…")
	b.fill("dialog input", "deployed")
	b.press("Resume")
	b.until(`document.querySelector('[aria-label="Deliveries"] tbody .badge')?.textContent === "delivered"`)
	app.waitFor(t, before+1) // by the new job alone
}

func TestDeliveriesThatWaitForTheBreakerSaySo(t *testing.T) {
	t.Parallel()
	app := newReceiver(t, http.StatusServiceUnavailable)
	g := startGateway(t, destination("app", app.url, `, retry: {attempts: 100, first: 100ms, factor: 1, max: 100ms}`))
	g.send(dispatch("one"), runEnd(someRun, "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b := openDashboard(t, g)
	b.open("/deliveries")
	b.shows("waits for the breaker")
	b.until(`document.querySelector('[aria-label="Destinations"] tbody .badge.red')?.textContent === "open"`)
	b.press("RUN.SUCCEEDED")
	b.until(`location.pathname !== "/deliveries"`)
	b.shows("waits for the breaker", "503")
}

func TestAQuarantinedRequestIsReadAndReplayed(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	if a := g.send(nil, []byte(`{"eventType":"ACTOR.RUN.SUCCEEDED"}`)); a.Outcome != "quarantined" {
		t.Fatalf("%+v", a)
	}
	b := openDashboard(t, g)
	b.open("/quarantine")
	b.press("no identity")
	b.shows(`"eventType": "ACTOR.RUN.SUCCEEDED"`)
	b.press("Replay…")
	b.fill("dialog input", "just trying")
	b.press("Replay")
	b.until(`document.body.innerText.includes("Replayed: ") || document.querySelector("dialog .banner.red")`)
}

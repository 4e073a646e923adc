package app_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// runEvent is Apify's webhook about run n, not quite as compact as it could be: whatever comes is what goes.
func runEvent(n int, eventType string) []byte {
	return fmt.Appendf(nil, `{ "eventType":%q, "eventData":{"actorRunId":"%017d"},"resource":{"finishedAt":"2026-09-14T08:04:21.640Z"}, "ä":"\u0000" }`, eventType, n)
}

// sign computes the signature of Standard Webhooks.
func sign(t *testing.T, id, timestamp string, body []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signingSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (r *running) deliveries(query string) []view.Delivery {
	r.t.Helper()
	var page view.Page[view.Delivery]
	r.api("/deliveries"+query, &page)
	return page.Items
}

// wantState waits until the only delivery that the query selects is in this state.
func (r *running) wantState(query, state string) view.Delivery {
	r.t.Helper()
	var found view.Delivery
	testkit.Eventually(r.t, 30*time.Second, func() error {
		all := r.deliveries(query)
		if len(all) != 1 || all[0].State != state {
			return fmt.Errorf("deliveries %+v, want one that is %s", all, state)
		}
		found = all[0]
		return nil
	})
	return found
}

func TestAnEventReachesItsDestinationSignedAndUnchanged(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, other := newSink(t), newSink(t)
			r := start(t, config(t)+"destinations:\n"+destinedTo("app", app, ", headers: [{name: X-Team, value: data}]")+
				destinedTo("failures", other, ", event_types: ['*.FAILED']"))
			body := runEvent(1, "ACTOR.RUN.SUCCEEDED")
			told := r.send(http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
			if again := r.send(nil, body); again.Outcome != "duplicate" {
				t.Fatalf("the second one is %s", again.Outcome)
			}
			got := app.waitFor(t, 1)[0]
			if !bytes.Equal(got.Body, body) {
				t.Errorf("got  %q\nsent %q", got.Body, body)
			}
			for key, want := range map[string]string{
				"Content-Type": "application/json; charset=utf-8", "Webhook-Id": told.EventID, "X-Team": "data",
				"X-Dedup-Run-Id": "00000000000000001", "X-Dedup-Event-Type": "ACTOR.RUN.SUCCEEDED", "X-Dedup-Seq": "1", "X-Dedup-Attempt": "1", "X-Dedup-Replay": "0",
			} {
				if got.Header.Get(key) != want {
					t.Errorf("%s is %q, want %q", key, got.Header.Get(key), want)
				}
			}
			if want := sign(t, told.EventID, got.Header.Get("Webhook-Timestamp"), body); got.Header.Get("Webhook-Signature") != want {
				t.Errorf("signature %q, want %q", got.Header.Get("Webhook-Signature"), want)
			}
			r.wantState("?event_id="+told.EventID, "delivered")

			failed := r.send(nil, runEvent(2, "ACTOR.RUN.FAILED"))
			if id := other.waitFor(t, 1)[0].Header.Get("Webhook-Id"); id != failed.EventID {
				t.Errorf("the destination for failures got %s, want %s", id, failed.EventID)
			}
			if n := len(app.waitFor(t, 2)); n != 2 {
				t.Errorf("%d requests, want two: one for each event", n)
			}
			testkit.Eventually(t, 10*time.Second, func() error {
				if !strings.Contains(r.scrape(), `dedupgate_delivery_attempts_total{destination="failures",state="delivered"} 1`) {
					return errors.New("the metrics don't count the attempt")
				}
				return nil
			})
		})
	}
}

func (r *running) scrape() string {
	r.t.Helper()
	return string(r.fetch("/metrics"))
}

// fetch asks the admin listener as somebody without a token.
func (r *running) fetch(path string) []byte {
	r.t.Helper()
	res, err := sender.Get("http://" + r.app.AdminAddr() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func TestADeadLetterIsRetriedByAnOperator(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newSink(t)
			app.status.Store(http.StatusInternalServerError)
			r := start(t, config(t)+"destinations:\n"+destinedTo("app", app, ", retry: {attempts: 2, first: 100ms, factor: 1, max: 100ms}"))
			told := r.send(nil, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
			dead := r.wantState("?destination=app&state=dead", "dead")
			if dead.EventID != told.EventID || dead.Attempts != 2 || dead.LastStatus != 500 || len(app.all()) != 2 {
				t.Fatalf("%+v after %d requests", dead, len(app.all()))
			}
			app.status.Store(http.StatusOK)
			var changed view.Changed
			r.post("/deliveries/retry", reasoned(map[string]any{"destination": "app", "dry_run": true}), http.StatusOK, &changed)
			if changed != (view.Changed{DryRun: true, Deliveries: 1}) {
				t.Errorf("dry run: %+v", changed)
			}
			r.post("/deliveries/"+dead.ID+"/retry", reasoned(nil), http.StatusOK, &changed)
			got := app.waitFor(t, 3)
			r.wantState("?destination=app", "delivered")
			if got[2].Header.Get("Webhook-Id") != told.EventID || got[2].Header.Get("X-Dedup-Replay") != "0" {
				t.Errorf("headers of the retry: %v", got[2].Header)
			}
			var h view.DeliveryHistory
			r.api("/deliveries/"+dead.ID, &h)
			if len(h.Attempts) != 3 || h.Attempts[0].Status != 500 || h.Attempts[0].Error == "" || h.Attempts[2].Status != 200 || h.Attempts[2].Error != "" {
				t.Errorf("attempts %+v", h.Attempts)
			}
			r.post("/deliveries/"+dead.ID+"/retry", reasoned(nil), http.StatusConflict, nil)
		})
	}
}

func TestAPausedDestinationGetsNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	app, other := newSink(t), newSink(t)
	database := testkit.Postgres(t)
	r := start(t, fmt.Sprintf("database: {url: %q}\nredis: {mode: single, addresses: [%q]}\n", database, testkit.Redis(t))+
		"destinations:\n"+destinedTo("app", app, "")+destinedTo("other", other, ""))
	r.post("/destinations/app/pause", reasoned(nil), http.StatusOK, nil)
	told := r.send(nil, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
	other.waitFor(t, 1)
	var list struct{ Items []view.DestinationStatus }
	r.api("/destinations", &list)
	if len(list.Items) != 2 || !list.Items[0].Paused || list.Items[0].Pending != 1 || list.Items[1].Paused || list.Items[0].URL != app.URL {
		t.Errorf("destinations %+v", list.Items)
	}
	if n := len(app.all()); n > 0 {
		t.Errorf("a paused destination got %d requests", n)
	}
	r.post("/destinations/app/resume", reasoned(nil), http.StatusOK, nil)
	if got := app.waitFor(t, 1); got[0].Header.Get("Webhook-Id") != told.EventID || got[0].Header.Get("X-Dedup-Attempt") != "1" {
		t.Errorf("headers %v", got[0].Header)
	}
	r.post("/destinations/nobody/pause", reasoned(nil), http.StatusNotFound, nil)
	r.wantAudit(database, "destination.pause", "destination.resume")
}

func TestDeliveriesTellWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failing, ordered := newSink(t), newSink(t)
			failing.status.Store(http.StatusServiceUnavailable)
			ordered.status.Store(http.StatusServiceUnavailable)
			destinations := "destinations:\n" + destinedTo("failing", failing, ", retry: {attempts: 100, first: 100ms, factor: 1, max: 100ms}") +
				destinedTo("ordered", ordered, ", ordered: true, retry: {attempts: 2, first: 1h, factor: 1, max: 1h}, event_types: [ACTOR.RUN.*]")
			r := start(t, config(t)+destinations)
			r.send(nil, runEvent(1, "ACTOR.RUN.CREATED"))
			r.send(nil, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
			r.wantWaiting("?destination=failing", "breaker", 2)
			r.wantWaiting("?destination=ordered&state=pending", "earlier", 1)
			r.wantWaiting("?destination=ordered&state=retrying", "", 1) // for its own time
			var h view.DeliveryHistory
			if r.api("/deliveries/"+r.deliveries("?destination=ordered&state=pending")[0].ID, &h); h.Delivery.WaitsFor != "earlier" {
				t.Errorf("one: %+v", h.Delivery)
			}
			r.post("/destinations/ordered/pause", reasoned(nil), http.StatusOK, nil)
			r.wantWaiting("?destination=ordered", "resume", 2)
		})
	}
}

// wantWaiting waits until so many deliveries are selected and all of them wait for this.
func (r *running) wantWaiting(query, waitsFor string, deliveries int) {
	r.t.Helper()
	testkit.Eventually(r.t, 30*time.Second, func() error {
		all := r.deliveries(query)
		for _, d := range all {
			if d.WaitsFor != waitsFor {
				return fmt.Errorf("%s waits for %q, want %q", d.State, d.WaitsFor, waitsFor)
			}
		}
		if len(all) != deliveries {
			return fmt.Errorf("%d deliveries, want %d", len(all), deliveries)
		}
		return nil
	})
}

// wantAudit wants one entry for each of the actions, by the test's token and with its reason.
func (r *running) wantAudit(database string, actions ...string) {
	r.t.Helper()
	db, err := pgx.Connect(r.t.Context(), database)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = db.Close(r.t.Context()) }()
	for _, action := range actions {
		var n int
		err := db.QueryRow(r.t.Context(), "SELECT count(*) FROM audit WHERE action = $1 AND actor = 'admin' AND reason = 'the test wants it'", action).Scan(&n)
		if err != nil || n != 1 {
			r.t.Errorf("%d audit entries of %s, %v", n, action, err)
		}
	}
}

func TestAReplayAlwaysGoesOut(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newSink(t)
			r := start(t, config(t)+"destinations:\n"+destinedTo("app", app, ""))
			told := r.send(nil, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
			r.send(nil, runEvent(2, "ACTOR.RUN.SUCCEEDED"))
			app.waitFor(t, 2)

			var changed view.Changed
			r.post("/replay", reasoned(map[string]any{"run_id": "00000000000000001", "dry_run": true}), http.StatusOK, &changed)
			if changed != (view.Changed{DryRun: true, Deliveries: 1, Events: 1}) {
				t.Errorf("dry run: %+v", changed)
			}
			r.post("/replay", reasoned(map[string]any{"event_ids": []string{told.EventID}, "destination": "app"}), http.StatusOK, &changed)
			if changed != (view.Changed{Deliveries: 1, Events: 1}) {
				t.Errorf("replay: %+v", changed)
			}
			got := app.waitFor(t, 3)[2]
			if got.Header.Get("Webhook-Id") != told.EventID || got.Header.Get("X-Dedup-Replay") != "1" || !bytes.Equal(got.Body, runEvent(1, "ACTOR.RUN.SUCCEEDED")) {
				t.Errorf("replayed %q with %v", got.Body, got.Header)
			}
			r.post("/replay", reasoned(map[string]any{"since": "1h", "max": 1}), http.StatusConflict, nil)
			r.post("/replay", reasoned(map[string]any{"since": "1h", "destination": "ap"}), http.StatusNotFound, nil)
			r.post("/replay", reasoned(nil), http.StatusUnprocessableEntity, nil)
		})
	}
}

func TestADestinationAddedLaterIsFilledUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
`, dir+"/data", adminToken, testToken)
	r := startIn(t, dir, yaml)
	old := map[string]bool{}
	for n := range 5 {
		old[r.send(nil, runEvent(n, "ACTOR.RUN.SUCCEEDED")).EventID] = true
	}
	if all := r.deliveries(""); len(all) > 0 {
		t.Fatalf("deliveries without a destination: %+v", all)
	}

	app := newSink(t)
	r.configure(yaml + "destinations:\n" + destinedTo("app", app, ""))
	testkit.Eventually(t, 10*time.Second, func() error {
		var list struct{ Items []view.DestinationStatus }
		r.api("/destinations", &list)
		if len(list.Items) != 1 || !list.Items[0].Configured {
			return fmt.Errorf("destinations %+v", list.Items)
		}
		return nil
	})
	fresh := r.send(nil, runEvent(9, "ACTOR.RUN.SUCCEEDED"))
	if id := app.waitFor(t, 1)[0].Header.Get("Webhook-Id"); id != fresh.EventID {
		t.Errorf("got %s, want the event that came after the change, %s", id, fresh.EventID)
	}
	fill := map[string]any{"since": "1h", "destination": "app", "missing": true}
	var changed view.Changed
	r.post("/replay", reasoned(fill), http.StatusOK, &changed)
	if changed != (view.Changed{Deliveries: 5, Events: 5}) {
		t.Errorf("filled up %+v", changed)
	}
	for _, got := range app.waitFor(t, 6)[1:] {
		id := got.Header.Get("Webhook-Id")
		if !old[id] || got.Header.Get("X-Dedup-Replay") != "0" {
			t.Errorf("got %s, replay %s", id, got.Header.Get("X-Dedup-Replay"))
		}
		delete(old, id)
	}
	if len(old) > 0 {
		t.Errorf("never arrived: %v", old)
	}
	r.post("/replay", reasoned(fill), http.StatusOK, &changed)
	if changed.Deliveries != 0 {
		t.Errorf("filled up again: %+v", changed)
	}
}

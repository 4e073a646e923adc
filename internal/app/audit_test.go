package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/view"
)

// changingOperations lists the paths of the admin API's description that can be posted to.
func (r *running) changingOperations() []string {
	r.t.Helper()
	var described struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(r.fetch("/api/openapi.json"), &described); err != nil {
		r.t.Fatal(err)
	}
	var paths []string
	delete(described.Paths, "/session") // logging in and out changes nothing
	for _, path := range slices.Sorted(maps.Keys(described.Paths)) {
		for method := range described.Paths[path] {
			switch method {
			case "get":
			case "post":
				paths = append(paths, path)
			default:
				r.t.Errorf("%s %s: a change that this test does not know", method, path)
			}
		}
	}
	return paths
}

func (r *running) audits() []view.AuditEntry {
	r.t.Helper()
	return items[view.AuditEntry](r, "/audit?limit=200")
}

// Every call that changes something tells the audit who, what and why, and only once.
func TestEveryChangeIsInTheAudit(t *testing.T) {
	t.Parallel()
	sink := newSink(t)
	r := startAsking(t, apifytest.New(apifyToken), "destinations:\n"+destinedTo("app", sink, ""), ", verify: dispatch, hold: true")
	var held []string
	for i := range 4 {
		told := r.send(http.Header{"X-Apify-Webhook-Dispatch-Id": {fmt.Sprintf("1nventedbyastrange%d", i)}}, runEvent(i, "ACTOR.RUN.SUCCEEDED"))
		held = append(held, r.wantState("?event_id="+told.EventID, "held").ID)
	}
	if a := r.send(nil, []byte("no JSON")); a.Outcome != "quarantined" {
		t.Fatal(a.Outcome)
	}
	event := r.deliveries("?state=held")[0].EventID
	for _, path := range r.changingOperations() {
		what := map[string]any{}
		var action string
		target := path
		switch path {
		case "/send-sample": // sends what a sender would: the receipt tells
			continue
		case "/deliveries/cancel":
			what["ids"], action = held[2:3], "deliveries.cancel"
		case "/deliveries/release":
			what["ids"], action = held[3:4], "deliveries.release"
		case "/deliveries/retry":
			what["destination"], action = "app", "deliveries.retry"
		case "/deliveries/{id}/cancel":
			target, action = strings.Replace(path, "{id}", held[0], 1), "deliveries.cancel"
		case "/deliveries/{id}/retry": // what was just cancelled
			target, action = strings.Replace(path, "{id}", held[0], 1), "deliveries.retry"
		case "/deliveries/{id}/release":
			target, action = strings.Replace(path, "{id}", held[1], 1), "deliveries.release"
		case "/destinations/{name}/pause":
			target, action = strings.Replace(path, "{name}", "app", 1), "destination.pause"
		case "/destinations/{name}/resume":
			target, action = strings.Replace(path, "{name}", "app", 1), "destination.resume"
		case "/quarantine/{id}/replay": // still no JSON
			target, action = strings.Replace(path, "{id}", r.quarantine()[0].ID, 1), "quarantine.replay"
		case "/replay":
			what["event_ids"], action = []string{event}, "events.replay"
		case "/stuck/clear":
			action = "stuck.clear"
		default:
			t.Errorf("nobody says what the audit has to hold of %s", path)
			continue
		}
		before := len(r.audits())
		begun := time.Now().Add(-time.Second)
		r.post(target, reasoned(what), http.StatusOK, nil)
		now := r.audits()
		if len(now) != before+1 {
			t.Errorf("%s: %d new entries in the audit", path, len(now)-before)
			continue
		}
		if e := now[0]; e.Action != action || e.Actor != "admin" || e.Reason != "the test wants it" || e.At.Before(begun) {
			t.Errorf("%s: the audit holds %+v, want %s", path, e, action)
		}
	}
}

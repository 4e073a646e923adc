package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	event := view.Event{
		ID: "01994721-0000-7000-8000-000000000001", Source: "apify", Key: "r:R:1:S", Type: "ACTOR.RUN.SUCCEEDED" + hostile, Kind: "run", RunID: "R1",
		Outcome: "new", Hits: 3, ReceivedAt: seenAt, OccurredAt: &seenAt, ContentType: "application/json", BodyBytes: 12, BodyPurged: true, Headers: json.RawMessage(`{}`),
		Doubt: view.DoubtUnverified,
	}
	flags := adminAPI(t, map[string]any{
		"GET /events?limit=51": view.Page[view.Event]{Items: []view.Event{event}},
		"GET /events?dispatch_id=d&limit=3&run_id=R&since=2026-09-14T00%3A00%3A00Z&source=s&type=T": view.Page[view.Event]{Items: []view.Event{event, event, event}, Next: "c"},
		"GET /events?limit=500":              view.Page[view.Event]{Items: []view.Event{event}, Next: "c"},
		"GET /events?cursor=c&limit=500":     view.Page[view.Event]{Items: []view.Event{event}},
		"GET /events/" + event.ID:            event,
		"GET /events/" + event.ID + "/body":  []byte("\x00raw" + hostile),
		"GET /events?limit=51&source=nobody": view.Page[view.Event]{},
		"GET /events?limit=2":                view.Page[view.Event]{Items: []view.Event{event, event}},
	})
	events := func(args ...string) result {
		return execute(t, "", append(append([]string{"events"}, args...), flags...)...)
	}

	r := events()
	r.expect(t, 0, "RECEIVED", "OUTCOME", "HITS", `ACTOR.RUN.SUCCEEDED\x1b]0;owned\a\u202e\r\n\u009b  R1   new`, local(seenAt), event.ID)
	if strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") || strings.Count(r.out, "\n") != 2 {
		t.Errorf("%q", r.out)
	}
	events("--source", "nobody").expect(t, 0, "No events.")
	events("-n", "1").expect(t, 0, "There are more")
	if r := events("--limit", "0"); strings.Count(r.out, event.ID) != 2 || strings.Contains(r.err, "more") {
		t.Error(r)
	}
	r = events("--source", "s", "--type", "T", "--run", "R", "--dispatch-id", "d", "--since", "2026-09-14T00:00:00Z", "--limit", "2", "--json")
	r.expect(t, 0, "There are more")
	if strings.Count(r.out, "\n") != 2 || strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") {
		t.Errorf("%q", r.out)
	}
	for line := range strings.Lines(r.out) {
		var got view.Event
		if err := json.Unmarshal([]byte(line), &got); err != nil || !got.ReceivedAt.Equal(seenAt) || got.Type != event.Type || !strings.Contains(line, "2026-09-14T08:04:27.5Z") {
			t.Error(err, line)
		}
	}
	r = events(event.ID)
	r.expect(t, 0, "happened", "12 bytes, application/json, purged by retention", "3 duplicates since", `\x1b]0;owned\a`, "no: Apify does not confirm it")
	events(event.ID, "--json").expect(t, 0, `"key":"r:R:1:S"`)
	if r := events(event.ID, "--body"); r.out != "\x00raw"+hostile || r.code != 0 {
		t.Errorf("%q", r.out)
	}
	r = events("unknown")
	r.expect(t, 1, "404", "There is no such entry", `\x1b[2J`)
	if strings.Contains(r.err, "\x1b") {
		t.Errorf("%q", r.err)
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	lag := int64(61_000)
	run := view.Run{Source: "apify", Kind: "run", RunID: "R1", Status: "SUCCEEDED", Life: 1, FirstSeenAt: seenAt, UpdatedAt: seenAt, Events: 2, ActorID: "A" + hostile}
	timeline := view.Timeline{
		Run: run,
		Events: []view.Event{
			{ID: "e1", Type: "ACTOR.RUN.SUCCEEDED", Outcome: "new", FirstReceiptID: "r1", ReceivedAt: seenAt, OccurredAt: &seenAt},
			{ID: "e2", Type: "ACTOR.RUN.CREATED", Outcome: "late", FirstReceiptID: "r4", ReceivedAt: seenAt.Add(time.Second)},
		},
		Receipts: []view.Receipt{
			{ID: "r1", EventID: "e1", Outcome: "new", Reason: "first_seen", DispatchID: "d1"},
			{ID: "r2", EventID: "e1", Outcome: "duplicate", Reason: "window_hit", Repeat: "retry", DispatchID: "d1", LagMillis: &lag},
			{ID: "r3", EventID: "e1", Outcome: "duplicate", Reason: "race_lost", Repeat: "twin", DispatchID: "d2" + hostile, Degraded: true, Via: "quarantine"},
			{ID: "r4", EventID: "e2", Outcome: "late", Reason: "first_seen"},
		},
		ReceiptsCut: true,
	}
	flags := adminAPI(t, map[string]any{
		"GET /runs?limit=51": view.Page[view.Run]{Items: []view.Run{run}},
		"GET /runs?actor_id=A&kind=build&limit=51&status=TIMED_OUT&task_id=T": view.Page[view.Run]{},
		"GET /runs/R1?kind=run&source=apify":                                  timeline,
	})
	runs := func(args ...string) result {
		return execute(t, "", append(append([]string{"runs"}, args...), flags...)...)
	}

	runs().expect(t, 0, "FIRST SEEN", "LIFE", "R1", "SUCCEEDED", "apify")
	runs("--status", "TIMED-OUT", "--kind", "build", "--actor", "A", "--task", "T").expect(t, 0, "No runs.")
	r := runs("R1", "--source", "apify", "--kind", "run")
	r.expect(t, 0, "run R1 of source apify: SUCCEEDED in its life 2", "2 events, 4 requests",
		"ACTOR.RUN.CREATED  late: the run had moved on", "first told by dispatch d1", "again after 1m1s by dispatch d1", "window_hit, a retry",
		`again by dispatch d2\x1b]0;owned\a`, "race_lost, another webhook, without Redis, replayed from quarantine", "There is more than is shown")
	if strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") {
		t.Errorf("%q", r.out)
	}
	var got view.Timeline
	if r := runs("R1", "--source", "apify", "--kind", "run", "--json"); json.Unmarshal([]byte(r.out), &got) != nil || len(got.Receipts) != 4 {
		t.Error(r)
	}
	runs("R2").expect(t, 1, "404")
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	q := view.Quarantined{
		ID: "q1", Source: "apify", Reason: "not_json", Message: "The body is not JSON." + hostile, FirstSeenAt: seenAt, LastSeenAt: seenAt, Hits: 2,
		ContentType: "text/plain", BodyBytes: -1, Truncated: true, Headers: json.RawMessage(`{"A":"b"}`),
	}
	done := q
	done.ID, done.ReplayedAt, done.ReplayEvent = "q2", &seenAt, "e9"
	flags := adminAPI(t, map[string]any{
		"GET /quarantine?limit=51":                                 view.Page[view.Quarantined]{Items: []view.Quarantined{q, done}},
		"GET /quarantine?limit=51&reason=too_large&replayed=false": view.Page[view.Quarantined]{},
		"GET /quarantine/q1":                                       q,
		"GET /quarantine/q2":                                       done,
		"GET /quarantine/q1/body":                                  []byte("not {json" + hostile + strings.Repeat("x", 3000)),
		"GET /quarantine/q2/body":                                  []byte(""),
		`POST /quarantine/q1/replay {"reason":"mended"}`:           map[string]string{"outcome": "new", "reason": "first_seen", "event_id": "e1"},
		`POST /quarantine/q3/replay {"reason":"mended"}`:           map[string]string{"outcome": "quarantined", "reason": "not_json", "quarantine_id": "q3"},
	})
	quarantine := func(args ...string) result {
		return execute(t, "", append(append([]string{"quarantine"}, args...), flags...)...)
	}

	r := quarantine("list")
	r.expect(t, 0, "TIMES", "not_json", "q1", "q2", local(seenAt), `The body is not JSON.\x1b]0;owned`)
	if strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") || strings.Count(r.out, "\n") != 3 {
		t.Errorf("%q", r.out)
	}
	quarantine("list", "--open", "--reason", "too_large").expect(t, 0, "Nothing in quarantine.")
	if r := quarantine("list", "--json"); strings.Count(r.out, `"reason":"not_json"`) != 2 {
		t.Error(r)
	}
	r = quarantine("show", "q1")
	r.expect(t, 0, "of unknown size, text/plain; only the start was kept", "2 times", "replayed     no", `not {json\x1b]0;owned\a\u202e\r\n\u009bxxx`, "bytes more; --body writes all")
	if strings.ContainsAny(r.out, "\x1b\a\r\u202e\u009b") {
		t.Errorf("%q", r.out)
	}
	quarantine("show", "q2").expect(t, 0, "as event e9")
	quarantine("show", "q1", "--json").expect(t, 0, `"id":"q1"`)
	if r := quarantine("show", "q1", "--body"); !strings.HasPrefix(r.out, "not {json"+hostile) || len(r.out) < 3000 {
		t.Errorf("%q", r.out)
	}
	quarantine("show", "q9").expect(t, 1, "404")

	quarantine("replay", "q1", "--reason", "mended").expect(t, 0, "q1: new (first_seen), event e1")
	quarantine("replay", "q3", "unknown", "q1", "--reason", "mended").expect(t, 1,
		"q3: still quarantined (not_json): mend the cause first", "unknown: the gateway answers 404", "q1: new")
	r = quarantine("replay", "q1", "unknown", "--reason", "mended", "--json")
	r.expect(t, 1, `{"id":"q1","outcome":"new","reason":"first_seen","event_id":"e1"}`, `{"error":"the gateway answers 404`)
}

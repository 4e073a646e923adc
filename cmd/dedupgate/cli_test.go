package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/view"
)

const testToken = "dgadm_the-token-of-this-test"

// result is what a command line has left behind.
type result struct {
	code     int
	out, err string
}

// execute runs a command line, with an empty data folder unless it names one.
func execute(t *testing.T, input string, args ...string) result {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		return f
	}
	std := streams{in: file("in", input), out: file("out", ""), err: file("err", "")}
	r := result{code: run(args, std)}
	for f, text := range map[*os.File]*string{std.out: &r.out, std.err: &r.err} {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		*text = string(data)
	}
	for _, f := range []*os.File{std.in, std.out, std.err} {
		_ = f.Close()
	}
	for _, secret := range []string{testToken, sourceSecret} {
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("a secret is shown:\n%s%s", r.out, r.err)
		}
	}
	return r
}

func (r result) expect(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, s := range says {
		if !strings.Contains(r.out+r.err, s) {
			t.Errorf("it doesn't say %q:\n%s%s", s, r.out, r.err)
		}
	}
}

// adminAPI answers each "METHOD /path?query" with a value, wants the token, and refuses everything else.
func adminAPI(t *testing.T, answers map[string]any) (flags []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked := strings.TrimSpace(r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1") + " " + string(body))
		answer, known := answers[asked]
		switch {
		case r.Header.Get("Authorization") != "Bearer "+testToken:
			problem(w, http.StatusUnauthorized, "Send the admin token as 'Authorization: Bearer …'.")
		case !known:
			problem(w, http.StatusNotFound, "There is no such entry: "+asked+"\x1b[2J")
		default:
			if raw, ok := answer.([]byte); ok {
				_, _ = w.Write(raw)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
		}
	}))
	t.Cleanup(server.Close)
	return []string{"--api", server.URL, "--api-token-file", tokenFile(t, testToken)}
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refusedAddress is one that nobody listens on: a port that was free a moment ago may be another test's by now.
const refusedAddress = "http://127.0.0.1:1"

// hostile is text that must not reach a terminal as it is.
const hostile = "\x1b]0;owned\a\u202e\r\n\u009b"

var seenAt = time.Date(2026, 9, 14, 8, 4, 27, 500e6, time.UTC)

func TestUsage(t *testing.T) {
	t.Parallel()
	t.Run("help lists the commands", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "--help").expect(t, 0, "serve", "migrate", "check", "epoch", "send", "storm", "events", "runs", "quarantine list", "version")
	})
	for _, command := range []string{"serve", "migrate up", "migrate down", "migrate status", "check", "epoch bump", "send", "storm", "events", "runs", "quarantine list", "quarantine show", "quarantine replay", "version"} {
		t.Run(command+" has a help", func(t *testing.T) {
			t.Parallel()
			execute(t, "", append(strings.Fields(command), "--help")...).expect(t, 0, "Usage: dedupgate "+command)
		})
	}
	t.Run("mistakes exit 2 and say what was meant", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "evnets").expect(t, 2, "evnets")
		execute(t, "", "events", "--since", "yesterday").expect(t, 2, "--since", "want how long ago")
		execute(t, "", "quarantine", "replay", "x").expect(t, 2, "--reason")
		execute(t, "").expect(t, 2)
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	execute(t, "", "version").expect(t, 0, "dedupgate ", "go1.")
	execute(t, "", "--version").expect(t, 0, "dedupgate ", "go1.")
	var v map[string]string
	r := execute(t, "", "version", "--json")
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || v["version"] == "" || v["go"] == "" {
		t.Error(err, r.out)
	}
}

func TestReachingTheAPI(t *testing.T) {
	t.Parallel()
	commands := [][]string{{"events"}, {"events", "x"}, {"runs"}, {"runs", "x"}, {"quarantine", "list"}, {"quarantine", "show", "x"}, {"quarantine", "replay", "x", "--reason", "r"}, {"storm", "--url", refusedAddress + "/webhooks/apify"}}
	for _, command := range commands {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			t.Parallel()
			with := func(flags ...string) []string { return append(append([]string{}, command...), flags...) }
			execute(t, "", with("--api", refusedAddress)...).expect(t, 1, "connection refused", "is the gateway running?", "--api")
			flags := adminAPI(t, nil)
			wrong := tokenFile(t, "dgadm_another")
			execute(t, "", with("--api", flags[1], "--api-token-file", wrong)...).expect(t, 1, "401", "the token from "+wrong, "--api-token-file")
			execute(t, "", with("--api", flags[1], "--api-token-file", "/does/not/exist")...).expect(t, 1, "read the token")
			execute(t, "", with("--api", "localhost:8081")...).expect(t, 1, "not a URL")
		})
	}
	t.Run("a token that a local gateway keeps is found", func(t *testing.T) {
		t.Parallel()
		flags := adminAPI(t, map[string]any{"GET /events?limit=51": view.Page[view.Event]{}})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "admin-token"), []byte(testToken+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, "", "events", "--api", flags[1], "--data-dir", dir).expect(t, 0, "No events.")
		execute(t, "", "events", "--api", flags[1], "--data-dir", t.TempDir()).expect(t, 1, "no token was sent")
	})
	t.Run("and shown to local gateways alone", func(t *testing.T) {
		t.Parallel()
		for address, want := range map[string]bool{
			"http://127.0.0.1:8081": true, "http://localhost:1": true, "http://[::1]:1": true,
			"http://gate.example.com": false, "http://127.0.0.1.example.com": false, "http://10.0.0.1": false, "%": false,
		} {
			if got := isLocal(address); got != want {
				t.Errorf("%s: %t", address, got)
			}
		}
	})
}

func TestAPITokenFromTheEnvironment(t *testing.T) {
	t.Setenv(apiVariable, testToken)
	flags := adminAPI(t, map[string]any{"GET /runs?limit=51": view.Page[view.Run]{}})
	execute(t, "", "runs", "--api", flags[1]).expect(t, 0, "No runs.")
	t.Setenv(apiVariable, "another")
	execute(t, "", "runs", "--api", flags[1]).expect(t, 1, "the token from "+apiVariable)
}

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

const sourceSecret = "dg_the-secret-in-the-url"

// webhookServer keeps what it gets and answers like a gateway: first new, then duplicate.
type webhookServer struct {
	url string
	mu  sync.Mutex
	got []received
}

type received struct {
	body   string
	header http.Header
}

func newWebhookServer(t *testing.T) *webhookServer {
	t.Helper()
	s := &webhookServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Query().Get("token") != sourceSecret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"status":"error","error":"unauthorized","message":"Unknown source`+`"}`)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, received{string(body), r.Header})
		if len(s.got) == 1 {
			w.Header().Set("X-Dedup-Outcome", "new; reason=first_seen")
			_, _ = io.WriteString(w, `{"status":"accepted","outcome":"new","run_id":null,"event_id":"e1","receipt_id":"r1"}`)
			return
		}
		w.Header().Set("X-Dedup-Outcome", "duplicate; reason=window_hit")
		fmt.Fprintf(w, `{"status":"duplicate","outcome":"duplicate","message":"Webhook already processed","event_id":"e1","first_seen_at":%q}`, seenAt.Format(time.RFC3339Nano))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/webhooks/apify?token=" + sourceSecret
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()
	t.Run("lists the samples with their remarks", func(t *testing.T) {
		t.Parallel()
		r := execute(t, "", "send", "--list")
		for _, s := range samples.All() {
			r.expect(t, 0, s.Name, s.Remark)
		}
		execute(t, "", "send", "--list", "--json").expect(t, 0, `"name":"created"`)
	})
	t.Run("a sample goes out as Apify sends it", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "succeeded_first_attempt", "--url", s.url, "--times", "3").expect(t, 0,
			"200 new; reason=first_seen, event e1\n", "200 duplicate; reason=window_hit, event e1, first seen "+localMillis(seenAt), "    Webhook already processed")
		sample, _ := samples.Get("succeeded_first_attempt")
		if len(s.got) != 3 {
			t.Fatalf("%d requests", len(s.got))
		}
		for _, got := range s.got {
			if got.body != string(sample.Compact()) {
				t.Error("another body")
			}
			for name := range sample.Headers {
				if got.header.Get(name) != sample.Headers.Get(name) {
					t.Errorf("%s: %q", name, got.header.Get(name))
				}
			}
		}
	})
	t.Run("headers can be set and taken away", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "created", "--url", s.url, "-H", "X-Mine: a, b: c", "-H", "X-Apify-Webhook:", "--dispatch-id", "mine", "--json").expect(t, 0,
			`"status_code":200`, `"x_dedup_outcome":"new; reason=first_seen"`, `"event_id":"e1"`)
		h := s.got[0].header
		if h.Get("X-Mine") != "a, b: c" || h.Get(dispatchHeader) != "mine" || h.Values("X-Apify-Webhook") != nil {
			t.Error(h)
		}
	})
	t.Run("a file or standard input gets a dispatch id of its own", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		path := filepath.Join(t.TempDir(), "body.json")
		if err := os.WriteFile(path, []byte(` {"a": 1} `), 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, "", "send", path, "--url", s.url, "--times", "2").expect(t, 0)
		execute(t, "piped", "send", "-", "--url", s.url).expect(t, 0)
		if s.got[0].body != ` {"a": 1} ` || s.got[2].body != "piped" {
			t.Error(s.got)
		}
		first, again, piped := s.got[0].header.Get(dispatchHeader), s.got[1].header.Get(dispatchHeader), s.got[2].header.Get(dispatchHeader)
		if len(first) != 17 || first != again || first == piped {
			t.Error(first, again, piped)
		}
	})
	t.Run("a token that a local gateway keeps is found", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, keptWebhookSecret), []byte("a b&c\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		address, from, err := (&webhookFlags{}).webhook(&dataDirFlag{DataDir: dir})
		if address != defaultWebhook+"?token=a+b%26c" || from != filepath.Join(dir, keptWebhookSecret) || err != nil {
			t.Error(address, from, err)
		}
	})
	t.Run("a wrong token exits 1 and says which", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "created", "--url", strings.Split(s.url, "?")[0]).expect(t, 1, "401", "Unknown source", "The token in --url is missing")
	})
	t.Run("a refused connection asks whether the gateway runs", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "send", "created", "--url", refusedAddress+"/webhooks/apify?token="+sourceSecret).expect(t, 1, "connection refused", "is the gateway running?")
	})
	t.Run("an answer that is no gateway's is shown, made safe", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "no"+hostile)
		}))
		t.Cleanup(server.Close)
		execute(t, "", "send", "created", "--url", server.URL).expect(t, 1, `418 no\x1b]0;owned\a`)
		execute(t, "", "send", "created", "--url", server.URL, "--json").expect(t, 1, `"answer_text":"no\u001b]0;owned`)
	})
	t.Run("mistakes are told", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "send").expect(t, 1, "--list shows the samples")
		execute(t, "", "send", "no-such-thing").expect(t, 1, `"no-such-thing" is neither a sample nor a file`)
		execute(t, "", "send", "created", "-H", "nonsense").expect(t, 1, "Name: value")
		execute(t, "", "send", "created", "--url", "localhost:8080/"+sourceSecret).expect(t, 1, "--url is not a URL")
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gate.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("each mistake has its own lines and a caret", func(t *testing.T) {
		write("dedupp: {}\ndedup:\n  window: 2 days\n")
		r := execute(t, "", "check", "--config", file)
		r.expect(t, 1, file+":1:1: dedupp: unknown key", file+":3:11: dedup.window: ", "\n  3 |   window: 2 days\n    |           ^\n")
		if strings.Contains(r.err, `\n`) {
			t.Errorf("line ends are escaped:\n%s", r.err)
		}
	})
	t.Run("a fresh folder is no fault, and stays fresh", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		write("data_dir: " + data + "\n")
		execute(t, "", "check", "--config", file).expect(t, 0, "SQLite: no database in data_dir yet", "embedded, inside the gateway")
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("check made the folder: %v", err)
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, Žluťoučký 日本": "plain text, Žluťoučký 日本",
		hostile:                    `\x1b]0;owned\a\u202e\r\n\u009b`,
		"tab\tnul\x00del\x7f":      `tab\tnul\x00del\x7f`,
		"byte \x9b\xff":            `byte \x9b\xff`,
		"\u009b31m\ufeff":          `\u009b31m\ufeff`,
		"kept \uFFFD as it is":     "kept \uFFFD as it is",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 20, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "7d": now.Add(-7 * 24 * time.Hour), "2026-09-14T10:00:00+02:00": time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC),
		"2026-09-14": time.Date(2026, 9, 14, 0, 0, 0, 0, time.Local), "2026-09-14 10:30": time.Date(2026, 9, 14, 10, 30, 0, 0, time.Local),
	} {
		if got, err := parseWhen(in, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "soon", "-5m", "5", "-1d", "99999999d"} {
		if got, err := parseWhen(in, now); err == nil {
			t.Errorf("%q is taken for %s", in, got)
		}
	}
}

func TestLasting(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		26 * time.Millisecond: "26ms", 1500 * time.Millisecond: "1.5s", 10 * time.Second: "10s", 70 * time.Second: "1m10s",
		5 * time.Minute: "5m", 2 * time.Hour: "2h0m", 100 * time.Hour: "4.2 days",
	} {
		if got := lasting(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

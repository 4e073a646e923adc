package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	adminTestToken = "dg_admin-of-the-test"
	readToken      = "dg_reader-of-the-test"
	operateToken   = "dg_operator-of-the-test"
	someID         = "0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10"
)

// fakeReader remembers the last query and gives what its fields say.
type fakeReader struct {
	query any
	err   error
	run   view.Timeline
	event view.Event
	body  view.Body

	others []view.OtherBody
}

func pageFrom[T any](f *fakeReader, q any, item T) (view.Page[T], error) {
	f.query = q
	return view.Page[T]{Items: []T{item}, Next: "next"}, f.err
}

func (f *fakeReader) Runs(_ context.Context, q view.RunQuery) (view.Page[view.Run], error) {
	return pageFrom(f, q, view.Run{RunID: "r1"})
}

func (f *fakeReader) Timeline(_ context.Context, source, kind, runID string) (view.Timeline, error) {
	f.query = [3]string{source, kind, runID}
	return f.run, f.err
}

func (f *fakeReader) Events(_ context.Context, q view.EventQuery) (view.Page[view.Event], error) {
	return pageFrom(f, q, view.Event{ID: someID})
}

func (f *fakeReader) Event(_ context.Context, id string) (view.Event, error) {
	f.query = id
	return f.event, f.err
}

func (f *fakeReader) EventBody(_ context.Context, id string) (view.Body, error) {
	f.query = id
	return f.body, f.err
}

func (f *fakeReader) OtherBodies(_ context.Context, id string) ([]view.OtherBody, error) {
	f.query = id
	return f.others, f.err
}

func (f *fakeReader) OtherBody(_ context.Context, id, receiptID string) (view.Body, error) {
	f.query = [2]string{id, receiptID}
	return f.body, f.err
}

func (f *fakeReader) Receipts(_ context.Context, q view.ReceiptQuery) (view.Page[view.Receipt], error) {
	f.query = q
	return view.Page[view.Receipt]{}, f.err
}

func (f *fakeReader) Quarantine(_ context.Context, q view.QuarantineQuery) (view.Page[view.Quarantined], error) {
	return pageFrom(f, q, view.Quarantined{ID: someID})
}

func (f *fakeReader) Quarantined(_ context.Context, id string) (view.Quarantined, error) {
	f.query = id
	return view.Quarantined{ID: id}, f.err
}

func (f *fakeReader) QuarantineBody(_ context.Context, id string) (view.Body, error) {
	f.query = id
	return f.body, f.err
}

func (f *fakeReader) Stats(_ context.Context, r view.Range) (view.Stats, error) {
	f.query = r
	return view.Stats{Receipts: 3}, f.err
}

type fakeReplayer func(ctx context.Context, id, actor, reason string) (dedup.Verdict, error)

func (f fakeReplayer) ReplayQuarantined(ctx context.Context, id, actor, reason string) (dedup.Verdict, error) {
	return f(ctx, id, actor, reason)
}

// newTestDesk knows a token of each role.
func newTestDesk() *access.Desk {
	d, err := access.NewDesk([]access.Token{
		{Name: "bob", Role: access.Read, Hash: signature.HashToken(readToken)},
		{Name: "eve", Role: access.Operate, Hash: signature.HashToken(operateToken)},
		{Name: "alice", Role: access.Admin, Hash: signature.HashToken(adminTestToken)},
	}, []byte("a key of the tests, 32 bytes long"), time.Hour)
	if err != nil {
		panic(err)
	}
	return d
}

// adminRig is an admin handler with everything around it faked. Its options may be changed until the first request.
type adminRig struct {
	opts         AdminOptions
	reader       *fakeReader
	deliveries   *fakeDeliveries
	destinations *fakeDestinations
	log          *logBuffer
	h            http.Handler
}

func newAdminRig() *adminRig {
	r := &adminRig{reader: &fakeReader{}, deliveries: &fakeDeliveries{}, destinations: &fakeDestinations{}, log: &logBuffer{}}
	r.opts = AdminOptions{
		Reader: r.reader,
		Replayer: fakeReplayer(func(context.Context, string, string, string) (dedup.Verdict, error) {
			return firstSeen, nil
		}),
		Deliveries: r.deliveries, Destinations: r.destinations, River: http.HandlerFunc(fakeRiver),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Desk:    newTestDesk(),
		Version: "v1", Log: slog.New(slog.NewJSONHandler(r.log, nil)),
	}
	return r
}

func (r *adminRig) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	return r.send(t, http.MethodGet, target, "")
}

func (r *adminRig) send(t *testing.T, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	if r.h == nil {
		h, err := NewAdmin(r.opts)
		if err != nil {
			t.Fatal(err)
		}
		r.h = h
	}
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+adminTestToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	return w
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), text) {
		t.Errorf("%d %s, want %d with %q", w.Code, w.Body, status, text)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
	var p struct {
		Status int `json:"status"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != status {
		t.Errorf("problem %s: %v", w.Body, err)
	}
}

func TestFiltersReachTheReader(t *testing.T) {
	t.Parallel()
	since, until := time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC), time.Date(2026, 9, 15, 10, 0, 0, 0, time.UTC)
	span := view.Range{Since: since, Until: until}
	times := "since=2026-09-14T12:00:00%2B02:00&until=2026-09-15T10:00:00Z"
	r := newAdminRig()
	for target, want := range map[string]any{
		"/runs?limit=500&cursor=abc&source=apify&kind=run&run_id=r&status=TIMED_OUT&actor_id=a&task_id=t&" + times: view.RunQuery{
			Range: span, Paging: view.Paging{Limit: 500, Cursor: "abc"}, Source: "apify", Kind: "run", RunID: "r",
			Status: "TIMED_OUT", ActorID: "a", TaskID: "t",
		},
		"/events?source=apify&type=TEST&kind=build&run_id=r&dispatch_id=d&" + times: view.EventQuery{
			Range: span, Paging: view.Paging{Limit: 50}, Source: "apify", Type: "TEST", Kind: "build", RunID: "r", DispatchID: "d",
		},
		"/receipts?source=apify&outcome=duplicate&reason=race_lost&repeat=twin&event_id=" + strings.ToUpper(someID) + "&" + times: view.ReceiptQuery{
			Range: span, Paging: view.Paging{Limit: 50}, Source: "apify", Outcome: "duplicate", Reason: "race_lost", Repeat: "twin", EventID: someID,
		},
		"/stats?" + times:            span,
		"/runs/r1?source=s&kind=run": [3]string{"s", "run", "r1"},
		"/events/" + someID:          someID,
		"/quarantine/" + someID:      someID,
	} {
		if w := r.get(t, apiPrefix+target); w.Code != http.StatusOK || r.reader.query != want {
			t.Errorf("%s: %d\ngot  %+v\nwant %+v\n%s", target, w.Code, r.reader.query, want, w.Body)
		}
	}
	r.get(t, apiPrefix+"/quarantine?source=s&reason=not_json&replayed=true&"+times)
	if q, ok := r.reader.query.(view.QuarantineQuery); !ok || q.Source != "s" || q.Reason != "not_json" || q.Replayed == nil || !*q.Replayed {
		t.Errorf("quarantine: %+v", r.reader.query)
	}
	r.get(t, apiPrefix+"/quarantine")
	if q, ok := r.reader.query.(view.QuarantineQuery); !ok || q.Replayed != nil {
		t.Errorf("quarantine without a filter: %+v", r.reader.query)
	}
}

func TestTimesMayBeCountedBackFromNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "0s": now,
		"2026-09-14T12:00:00+02:00": now, "2026-09-14T10:00:00.5Z": now.Add(time.Second / 2),
	} {
		if got, err := parseWhen(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-1h", "-1d", "1.5d", "d", "99999999999d", "2026-09-14", "5"} {
		if got, err := parseWhen(text, now); !errors.Is(err, errNotATime) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestStatisticsGoBackADayWhenNothingIsAsked(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.get(t, apiPrefix+"/stats")
	span, _ := r.reader.query.(view.Range)
	if ago := time.Since(span.Since); ago < 24*time.Hour || ago > 25*time.Hour || !span.Until.IsZero() {
		t.Errorf("%+v", span)
	}
}

func TestListingsAreNeverNull(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	for target, want := range map[string]string{
		"/receipts": `{"items":[]}`, "/runs/r1": `"events":[],"receipts":[]`, "/stats": `"counts":[]`, "/runs": `"next":"next"`,
	} {
		if w := r.get(t, apiPrefix+target); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", target, w.Body, want)
		}
	}
}

func TestErrorsOfTheReaderAreTranslated(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	for _, tc := range []struct {
		err    error
		status int
		text   string
		logged bool
	}{
		{view.ErrNotFound, 404, "no such entry", false},
		{fmt.Errorf("runs: %w", view.ErrBadCursor), 400, "'next' of an earlier page", false},
		{view.ErrAmbiguous, 409, "add ?source=", false},
		{dedup.ErrUnavailable, 503, "can't be reached", true},
		{context.DeadlineExceeded, 503, "shorter time range", true},
		{errors.New("relation secret does not exist"), 500, "the log has the details", true},
	} {
		r.reader.err = tc.err
		logged := len(r.log.String())
		for _, target := range []string{
			"/runs", "/runs/r1", "/events", "/events/" + someID, "/events/" + someID + "/body", "/receipts",
			"/quarantine", "/quarantine/" + someID, "/quarantine/" + someID + "/body", "/stats",
		} {
			w := r.get(t, apiPrefix+target)
			wantProblem(t, w, tc.status, tc.text)
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s tells internals: %s", target, w.Body)
			}
			if (tc.status == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%s: Retry-After %q with %d", target, w.Header().Get("Retry-After"), tc.status)
			}
		}
		if got := len(r.log.String()) > logged; got != tc.logged {
			t.Errorf("%v: logged %v", tc.err, got)
		}
	}
}

func TestBadParametersAreExplained(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	for target, text := range map[string]string{
		"/runs?limit=501":                  "query.limit",
		"/runs?limit=0":                    "query.limit",
		"/runs?status=DONE":                "TIMED_OUT",
		"/runs?sorce=apify":                "query.sorce",
		"/receipts?outcome=first":          "quarantined",
		"/receipts?event_id=1":             "want 36 characters",
		"/events/1":                        "want 36 characters",
		"/events/" + someID[:35] + "x":     "path.id",
		"/quarantine?replayed=maybe":       "query.replayed",
		"/stats?since=yesterday":           "RFC 3339",
		"/stats?until=-1h":                 "query.until",
		"/stats?since=1h&until=2h":         "later than since",
		"/events?cursor=" + long(600, "c"): "query.cursor",
	} {
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusUnprocessableEntity, text)
	}
}

func long(n int, s string) string { return strings.Repeat(s, n) }

func TestAdminAnswersCarrySecurityHeaders(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	for _, target := range []string{"/", "/metrics", "/api/openapi.json", apiPrefix + "/runs", apiPrefix + "/runs?limit=x", "/nothing"} {
		w := r.get(t, target)
		for name, want := range map[string]string{
			"X-Content-Type-Options":  "nosniff",
			"Cache-Control":           "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
		if w.Header().Get("X-Request-ID") == "" {
			t.Errorf("%s: no request id", target)
		}
	}
	wantProblem(t, r.get(t, "/nothing"), http.StatusNotFound, "GET /")
	w := r.send(t, http.MethodDelete, apiPrefix+"/runs", "")
	wantProblem(t, w, http.StatusMethodNotAllowed, "Allow")
	if w.Header().Get("Allow") != "GET" {
		t.Errorf("Allow: %q", w.Header().Get("Allow"))
	}
}

func TestARefusedOperatorIsLoggedWithoutTheToken(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	h, err := NewAdmin(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	w := ask(h, http.MethodGet, apiPrefix+"/runs?cursor=CANARY", "CANARY")
	wantProblem(t, w, http.StatusUnauthorized, "Authorization: Bearer")
	l := r.log.lines(t)
	if len(l) != 1 || l[0]["level"] != "WARN" || l[0]["route"] != "/api/v1/runs" || strings.Contains(r.log.String(), "CANARY") {
		t.Errorf("logged %v", l)
	}
	if w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Error("no challenge")
	}
}

func TestAPanicInTheApiIsAProblem(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.opts.Replayer = fakeReplayer(nil)
	wantProblem(t, r.send(t, http.MethodPost, apiPrefix+"/quarantine/"+someID+"/replay", `{"reason":"x"}`), http.StatusInternalServerError, "the log")
}

func TestTheDescriptionNamesEveryOperation(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
		Servers []struct {
			URL string `json:"url"`
		} `json:"servers"`
	}
	w := r.get(t, "/api/openapi.json")
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != apiPrefix {
		t.Errorf("openapi %q, servers %v", doc.OpenAPI, doc.Servers)
	}
	index := r.get(t, "/").Body.String()
	for _, op := range newAdmin(r.opts).operations() {
		if doc.Paths[op.Path][strings.ToLower(op.Method)] == nil {
			t.Errorf("%s %s is not described", op.Method, op.Path)
		}
		if !strings.Contains(index, apiPrefix+op.Path) {
			t.Errorf("GET / does not name %s", op.Path)
		}
	}
	if w := r.get(t, "/api/openapi.yaml"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "openapi: 3.1.0") {
		t.Errorf("yaml: %d", w.Code)
	}
}

func TestAdminOptionsAreChecked(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.opts.Desk = nil
	if _, err := NewAdmin(r.opts); err == nil {
		t.Error("an admin API without a token was made")
	}
}

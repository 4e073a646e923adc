package storm

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// fake is a gateway in memory, with both listeners, that keeps its books well unless one of its lies is set. Lies are
// called under its lock.
type fake struct {
	lies

	mu       sync.Mutex
	byKey    map[string]*fakeEvent
	byID     map[string]*fakeEvent
	events   []*fakeEvent
	runs     map[string]*fakeRun
	receipts []view.Receipt
	arrivals int
	looks    int
	asked    map[string]int // requests to the admin API by path's first word

	public, admin *httptest.Server
}

type lies struct {
	before     func(w http.ResponseWriter, arrival int) bool // answers in the gateway's place: nothing is taken
	after      func(w http.ResponseWriter, arrival int) bool // answers in the gateway's place, with everything stored
	key        func(b fakeBody, dispatch string) string
	answer     func(a map[string]any)
	store      func(e *fakeEvent) bool // false: not in the listings
	advance    func(r *fakeRun, to version) bool
	receipt    func(r *view.Receipt) int // how often it is stored
	stats      func(s *view.Stats)
	body       func([]byte) []byte
	look       func(look int, runs []view.Run) // before runs are shown
	showEvent  func(e *view.Event)
	adminFirst func(w http.ResponseWriter, r *http.Request) bool
}

type fakeEvent struct {
	view.Event
	id   dedup.ID
	body []byte
}

type fakeRun struct {
	view.Run
	at version
}

type version struct {
	life, rank int
	time       string
}

func (v version) compare(w version) int {
	return cmp.Or(cmp.Compare(v.life, w.life), cmp.Compare(v.rank, w.rank), cmp.Compare(v.time, w.time))
}

// fakeBody is what the fake reads of a body: by its own rules, not the gateway's.
type fakeBody struct {
	EventType string
	CreatedAt string
	Resource  struct {
		ID         string
		FinishedAt *string
		Stats      struct{ ResurrectCount int }
	}
}

func (b fakeBody) status() string { return strings.TrimPrefix(b.EventType, "ACTOR.RUN.") }

func (b fakeBody) version() version {
	v := version{life: b.Resource.Stats.ResurrectCount, time: b.CreatedAt}
	switch b.status() {
	case "CREATED":
	case "RESURRECTED":
		v.rank = 1
	default:
		v.rank = 2
	}
	return v
}

func honestKey(b fakeBody, dispatch string) string {
	if b.EventType == "TEST" {
		return "t:" + dispatch
	}
	generation := strconv.Itoa(b.Resource.Stats.ResurrectCount)
	if b.Resource.FinishedAt != nil {
		generation = *b.Resource.FinishedAt
	}
	return b.Resource.ID + ":" + b.EventType + ":" + generation
}

const fakeToken = "the-source-token"

func newFake(t *testing.T, l lies) *fake {
	t.Helper()
	f := &fake{lies: l, byKey: map[string]*fakeEvent{}, byID: map[string]*fakeEvent{}, runs: map[string]*fakeRun{}, asked: map[string]int{}}
	if f.key == nil {
		f.key = honestKey
	}
	f.public = httptest.NewServer(http.HandlerFunc(f.receive))
	f.admin = httptest.NewServer(http.HandlerFunc(f.ask))
	t.Cleanup(f.public.Close)
	t.Cleanup(f.admin.Close)
	return f
}

// options of a small, fast storm against the fake.
func (f *fake) options(t *testing.T) Options {
	t.Helper()
	c, err := client.New(client.Options{BaseURL: f.admin.URL, Token: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		URL: f.public.URL + "/webhooks/apify?token=" + fakeToken, API: c, Seed: 7, Runs: 30, Concurrency: 8,
		Speed: 1e6, Patience: 2 * time.Second, Mix: &Mix{Together: 0.5, LateCreated: 0.3, EndsOnly: 0.2, Resurrected: 0.6, Repeated: 0.3, Tests: 0.3},
	}
}

func (f *fake) receive(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("token") != fakeToken {
		reply401(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.arrivals++
	if f.before != nil && f.before(w, f.arrivals) {
		return
	}
	a := f.admit(body, r.Header.Get("X-Apify-Webhook-Dispatch-Id"))
	if f.after != nil && f.after(w, f.arrivals) {
		return
	}
	if f.lies.answer != nil {
		f.lies.answer(a)
	}
	outcome, _ := a["outcome"].(string)
	reason, _ := a["reason"].(string)
	w.Header().Set("X-Dedup-Outcome", outcome+"; reason="+reason)
	writeJSON(w, http.StatusOK, a)
}

func reply401(w http.ResponseWriter) {
	writeJSON(w, http.StatusUnauthorized, map[string]string{"status": "error", "message": "Unknown source"})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// admit is the gate: one event per key, one receipt per request.
func (f *fake) admit(body []byte, dispatch string) map[string]any {
	var b fakeBody
	if err := json.Unmarshal(body, &b); err != nil {
		panic(err)
	}
	now := time.Now().UTC()
	r := view.Receipt{ID: dedup.NewID(now).String(), ReceivedAt: now, Source: "apify", DispatchID: dispatch, Type: b.EventType}
	key := f.key(b, dispatch)
	e := f.byKey[key]
	word := "duplicate"
	if e != nil {
		e.Hits++
		r.Outcome, r.Reason = "duplicate", "ledger_hit"
	} else {
		e = f.insert(key, b, body, dispatch, now)
		r.Outcome, r.Reason = e.Outcome, "first_seen"
		if word = "accepted"; e.Outcome == "test" {
			word = "test"
		}
	}
	r.EventID = e.ID
	times := 1
	answer := map[string]any{"status": word, "outcome": r.Outcome, "reason": r.Reason, "event_id": e.ID, "receipt_id": r.ID, "run_id": nil}
	if e.RunID != "" {
		answer["run_id"] = e.RunID
	}
	if f.lies.receipt != nil {
		times = f.lies.receipt(&r)
	}
	for range times {
		f.receipts = append(f.receipts, r)
	}
	return answer
}

func (f *fake) insert(key string, b fakeBody, body []byte, dispatch string, now time.Time) *fakeEvent {
	id := dedup.NewID(now)
	e := &fakeEvent{id: id, body: body, Event: view.Event{
		ID: id.String(), Source: "apify", Key: key, Type: b.EventType, RunID: b.Resource.ID, DispatchID: dispatch, Outcome: "test", ReceivedAt: now,
	}}
	f.byKey[key] = e
	if b.EventType != "TEST" {
		e.Outcome = f.moveRun(b, now)
	}
	if f.store == nil || f.store(e) {
		f.events, f.byID[e.ID] = append(f.events, e), e
	} else if r := f.runs[e.RunID]; r != nil {
		r.Events--
	}
	return e
}

func (f *fake) moveRun(b fakeBody, now time.Time) string {
	r, outcome := f.runs[b.Resource.ID], "updated"
	if r == nil {
		r = &fakeRun{Run: view.Run{Source: "apify", Kind: "run", RunID: b.Resource.ID, FirstSeenAt: now}, at: version{life: -1}}
		f.runs[b.Resource.ID], outcome = r, "new"
	}
	r.Events++
	ahead := b.version().compare(r.at) > 0
	if f.advance != nil {
		ahead = f.advance(r, b.version())
	}
	if !ahead {
		return "late"
	}
	r.at, r.Status, r.Life = b.version(), b.status(), b.version().life
	return outcome
}

// ask is the admin API.
func (f *fake) ask(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.adminFirst != nil && f.adminFirst(w, r) {
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	f.asked[path[0]]++
	switch {
	case path[0] == "stats":
		var s view.Stats
		if f.stats != nil {
			f.stats(&s)
		}
		writeJSON(w, 200, s)
	case path[0] == "runs" && len(path) == 1:
		writePage(w, r, f.listRuns(r.URL.Query().Get("run_id")))
	case path[0] == "runs":
		f.timeline(w, path[1])
	case path[0] == "events" && len(path) == 1:
		writePage(w, r, f.listEvents(""))
	case path[0] == "events" && f.byID[path[1]] == nil:
		writeJSON(w, 404, map[string]string{"detail": "none"})
	case path[0] == "events" && len(path) == 3:
		b := f.byID[path[1]].body
		if f.body != nil {
			b = f.body(slices.Clone(b))
		}
		_, _ = w.Write(b)
	case path[0] == "events":
		writeJSON(w, 200, f.shown(f.byID[path[1]]))
	default:
		writePage(w, r, f.listReceipts(r.URL.Query().Get("event_id")))
	}
}

func (f *fake) shown(e *fakeEvent) view.Event {
	v := e.Event
	if f.showEvent != nil {
		f.showEvent(&v)
	}
	return v
}

func (f *fake) listEvents(runID string) (list []view.Event) {
	for _, e := range slices.Backward(f.events) {
		if runID == "" || e.RunID == runID {
			list = append(list, f.shown(e))
		}
	}
	return list
}

func (f *fake) listReceipts(eventID string) (list []view.Receipt) {
	for _, r := range slices.Backward(f.receipts) {
		if eventID == "" || r.EventID == eventID {
			list = append(list, r)
		}
	}
	return list
}

func (f *fake) listRuns(runID string) (list []view.Run) {
	for _, r := range f.runs {
		if runID == "" || r.RunID == runID {
			list = append(list, r.Run)
		}
	}
	slices.SortFunc(list, func(a, b view.Run) int { return strings.Compare(a.RunID, b.RunID) })
	if f.look != nil && runID == "" {
		f.looks++
		f.look(f.looks, list)
	}
	return list
}

func (f *fake) timeline(w http.ResponseWriter, runID string) {
	run := f.runs[runID]
	if run == nil {
		writeJSON(w, 404, map[string]string{"detail": "none"})
		return
	}
	shown := []view.Run{run.Run}
	if f.look != nil {
		f.look(0, shown)
	}
	writeJSON(w, 200, view.Timeline{Run: shown[0], Events: f.listEvents(runID)})
}

// writePage cuts a page out of a listing; its cursor is a place in it.
func writePage[T any](w http.ResponseWriter, r *http.Request, all []T) {
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(len(all), from+100)
	page := view.Page[T]{Items: all[from:to]}
	if to < len(all) {
		page.Next = strconv.Itoa(to)
	}
	writeJSON(w, 200, page)
}

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// fakeDeliveries remembers the last call and gives what its fields say.
type fakeDeliveries struct {
	state  string // of the one delivery there is
	done   view.Changed
	err    error
	called string
	asked  any
	act    view.Act
}

func (f *fakeDeliveries) Deliveries(_ context.Context, q view.DeliveryQuery) (view.Page[view.Delivery], error) {
	f.called, f.asked = "list", q
	return view.Page[view.Delivery]{Items: []view.Delivery{{ID: someID}}, Next: "next"}, f.err
}

func (f *fakeDeliveries) Delivery(_ context.Context, id string) (view.DeliveryHistory, error) {
	f.asked = id
	return view.DeliveryHistory{Delivery: view.Delivery{ID: id, State: f.state}}, f.err
}

func (f *fakeDeliveries) changed(name string, asked any, act view.Act) (view.Changed, error) {
	f.called, f.asked, f.act = name, asked, act
	done := f.done
	done.DryRun = act.DryRun
	return done, f.err
}

func (f *fakeDeliveries) RetryDeliveries(_ context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return f.changed("retry", s, act)
}

func (f *fakeDeliveries) CancelDeliveries(_ context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return f.changed("cancel", s, act)
}

func (f *fakeDeliveries) ReleaseDeliveries(_ context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return f.changed("release", s, act)
}

func (f *fakeDeliveries) Replay(_ context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error) {
	return f.changed("replay", s, act)
}

func (f *fakeDeliveries) Backfill(_ context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error) {
	return f.changed("backfill", s, act)
}

func (f *fakeDeliveries) Stuck(_ context.Context, q view.StuckQuery) (view.StuckReport, error) {
	f.called, f.asked = "stuck", q
	return view.StuckReport{}, f.err
}

func (f *fakeDeliveries) ClearStuck(_ context.Context, q view.StuckQuery, act view.Act) (view.Changed, error) {
	return f.changed("clear", q, act)
}

// fakeDestinations knows the destination "app".
type fakeDestinations struct {
	paused bool
	act    view.Act
}

func (f *fakeDestinations) Destinations(context.Context) ([]view.DestinationStatus, error) {
	s := view.DestinationStatus{Configured: true, Paused: f.paused, Breaker: "closed"}
	s.Destination = "app"
	return []view.DestinationStatus{s}, nil
}

func (f *fakeDestinations) set(name string, act view.Act, paused bool) error {
	if name != "app" {
		return fmt.Errorf("%w: %s; there is app", ErrNoDestination, name)
	}
	f.paused, f.act = paused, act
	return nil
}

func (f *fakeDestinations) PauseDestination(_ context.Context, name string, act view.Act) error {
	return f.set(name, act, true)
}

func (f *fakeDestinations) ResumeDestination(_ context.Context, name string, act view.Act) error {
	return f.set(name, act, false)
}

func TestDeliveriesAreListedByEveryFilter(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	w := r.get(t, "/api/v1/deliveries?destination=app&state=dead&source=apify&run_id=r1&event_id="+strings.ToUpper(someID)+
		"&since=2026-09-14T10:00:00Z&until=2026-09-15T10:00:00Z&limit=7&cursor=c")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"next":"next"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	since := time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
	want := view.DeliveryQuery{
		DeliveryFilter: view.DeliveryFilter{
			Range: view.Range{Since: since, Until: since.Add(24 * time.Hour)}, Destination: "app", State: "dead", Source: "apify", RunID: "r1", EventID: someID,
		},
		Paging: view.Paging{Limit: 7, Cursor: "c"},
	}
	if diff := cmp.Diff(want, r.deliveries.asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if w := r.get(t, "/api/v1/deliveries?stat=dead"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a misspelt filter is answered %d", w.Code)
	}
}

func TestADeliveryIsShownWithItsAttempts(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	if w := r.get(t, "/api/v1/deliveries/"+someID); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"attempts":[]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r.deliveries.err = view.ErrNotFound
	if w := r.get(t, "/api/v1/deliveries/"+someID); w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOneDeliveryIsChangedInTheStatesThatAllowIt(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		"retry": {"dead", "cancelled"}, "cancel": {"pending", "held", "delivering", "retrying"}, "release": {"held"},
	}
	for verb, states := range allowed {
		for _, state := range []string{"pending", "held", "delivering", "retrying", "delivered", "dead", "cancelled"} {
			r := newAdminRig()
			r.deliveries.state, r.deliveries.done = state, view.Changed{Deliveries: 1}
			w := r.send(t, http.MethodPost, "/api/v1/deliveries/"+someID+"/"+verb, `{"reason":" because "}`)
			if !slices.Contains(states, state) {
				if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "is "+state+": ") || r.deliveries.called != "" {
					t.Errorf("%s of one that is %s: %d %s, called %q", verb, state, w.Code, w.Body, r.deliveries.called)
				}
				continue
			}
			want := view.DeliverySelection{IDs: []string{someID}}
			if state == "cancelled" {
				want.State = state
			}
			if w.Code != http.StatusOK || r.deliveries.called != verb || !cmp.Equal(want, r.deliveries.asked) {
				t.Errorf("%s of one that is %s: %d %s, called %q with %v", verb, state, w.Code, w.Body, r.deliveries.called, r.deliveries.asked)
			}
			if diff := cmp.Diff(view.Act{Actor: "alice", Reason: "because"}, r.deliveries.act); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", verb, diff)
			}
		}
	}
}

func TestADeliveryThatMovedOnMeanwhileIsAConflict(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.deliveries.state = "dead"
	w := r.send(t, http.MethodPost, "/api/v1/deliveries/"+someID+"/retry", `{"reason":"x"}`)
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "moved on") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestChangesOfManyPassEverythingOn(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, path, body, called string
		asked                    any
		act                      view.Act
	}{
		{
			"retry by filter", "/deliveries/retry",
			`{"reason":"r","destination":"app","state":"dead","source":"s","run_id":"r1","event_id":"` + someID + `","since":"2026-09-14T10:00:00Z","dry_run":true,"max":5}`,
			"retry",
			view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{
				Range: view.Range{Since: since}, Destination: "app", State: "dead", Source: "s", RunID: "r1", EventID: someID,
			}},
			view.Act{Actor: "alice", Reason: "r", DryRun: true, Max: 5},
		},
		{
			"cancel by id", "/deliveries/cancel", `{"reason":"r","ids":["` + someID + `"]}`, "cancel",
			view.DeliverySelection{IDs: []string{someID}},
			view.Act{Actor: "alice", Reason: "r"},
		},
		{
			"release of a source", "/deliveries/release", `{"reason":"r","source":"s"}`, "release",
			view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Source: "s"}},
			view.Act{Actor: "alice", Reason: "r"},
		},
		{
			"replay", "/replay",
			`{"reason":"r","event_ids":["` + someID + `"],"run_id":"r1","types":["A","B"],"source":"s","destination":"app","until":"2026-09-14T10:00:00Z"}`, "replay",
			view.ReplaySelection{
				EventIDs: []string{someID}, Range: view.Range{Until: since}, RunID: "r1", Types: []string{"A", "B"}, Source: "s", Destination: "app",
			},
			view.Act{Actor: "alice", Reason: "r"},
		},
		{
			"backfill", "/replay", `{"reason":"r","since":"2026-09-14T10:00:00Z","destination":"app","missing":true,"dry_run":true}`, "backfill",
			view.ReplaySelection{Range: view.Range{Since: since}, Destination: "app"},
			view.Act{Actor: "alice", Reason: "r", DryRun: true},
		},
		{
			"clear stuck", "/stuck/clear", `{"reason":"r","deliveries":"2d","delivering":"30m"}`, "clear",
			view.StuckQuery{Deliveries: 48 * time.Hour, Delivering: 30 * time.Minute},
			view.Act{Actor: "alice", Reason: "r"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newAdminRig()
			r.deliveries.done = view.Changed{Deliveries: 3, Events: 2, Purged: 1}
			w := r.send(t, http.MethodPost, "/api/v1"+test.path, test.body)
			var got view.Changed
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if want := (view.Changed{DryRun: test.act.DryRun, Deliveries: 3, Events: 2, Purged: 1}); got != want {
				t.Errorf("answered %+v, want %+v", got, want)
			}
			if r.deliveries.called != test.called {
				t.Errorf("called %s, want %s", r.deliveries.called, test.called)
			}
			if diff := cmp.Diff(test.asked, r.deliveries.asked, emptyIsNone()); diff != "" {
				t.Errorf("selection (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.act, r.deliveries.act); diff != "" {
				t.Errorf("act (-want +got):\n%s", diff)
			}
			if logged := strings.Contains(r.log.String(), `"actor":"alice"`); logged == test.act.DryRun {
				t.Errorf("dry run %v, logged %v", test.act.DryRun, logged)
			}
		})
	}
}

// emptyIsNone makes a list without anything in it equal to none.
func emptyIsNone() cmp.Option {
	return cmp.FilterValues(func(a, b []string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())
}

func TestEveryChangeNeedsAReason(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	a := newAdmin(r.opts)
	for _, op := range a.operations() {
		if op.Method != http.MethodPost {
			continue
		}
		path := strings.NewReplacer("{id}", someID, "{name}", "app").Replace(apiPrefix + op.Path)
		for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":null}`} {
			if w := r.send(t, http.MethodPost, path, body); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s with %s: %d %s", path, body, w.Code, w.Body)
			}
		}
	}
	if r.deliveries.called != "" || r.destinations.act != (view.Act{}) {
		t.Errorf("something was changed without a reason: %s, %+v", r.deliveries.called, r.destinations.act)
	}
}

func TestMistakesOfAChangeSayWhere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, body, where string }{
		{"/deliveries/retry", `{"reason":"r","ids":["x"]}`, "body.ids[0]"},
		{"/deliveries/retry", `{"reason":"r","event_id":"x"}`, "body.event_id"},
		{"/deliveries/retry", `{"reason":"r","since":"yesterday"}`, "body.since"},
		{"/deliveries/retry", `{"reason":"r","state":"done"}`, "body.state"},
		{"/deliveries/retry", `{"reason":"r","destintion":"app"}`, "destintion"},
		{"/replay", `{"reason":"r","event_ids":["x"]}`, "body.event_ids[0]"},
		{"/replay", `{"reason":"r","since":"1h","until":"2h"}`, "body.until"},
		{"/replay", `{"reason":"r","max":100001}`, "body.max"},
		{"/stuck/clear", `{"reason":"r","deliveries":"-1h"}`, "body.deliveries"},
	} {
		r := newAdminRig()
		w := r.send(t, http.MethodPost, "/api/v1"+test.path, test.body)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), test.where) || r.deliveries.called != "" {
			t.Errorf("%s %s: %d %s", test.path, test.body, w.Code, w.Body)
		}
	}
}

func TestWhyAChangeFailedIsTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		words  string
	}{
		{fmt.Errorf("retry: %w", view.ErrTooMany), http.StatusConflict, "raise max"},
		{fmt.Errorf("%w: name what to retry", view.ErrBadSelection), http.StatusUnprocessableEntity, "name what to retry"},
		{fmt.Errorf("%w: ap; there is app", ErrNoDestination), http.StatusNotFound, "there is app"},
		{fmt.Errorf("retry: %w", dedup.ErrContended), http.StatusServiceUnavailable, "try again"},
		{fmt.Errorf("retry: %w", dedup.ErrUnclear), http.StatusServiceUnavailable, "Look before"},
		{fmt.Errorf("retry: %w", dedup.ErrUnavailable), http.StatusServiceUnavailable, "database"},
		{errors.New("secret detail"), http.StatusInternalServerError, "log"},
	} {
		r := newAdminRig()
		r.deliveries.err = test.err
		w := r.send(t, http.MethodPost, "/api/v1/replay", `{"reason":"r","since":"1h"}`)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.words) || strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("%v: %d %s", test.err, w.Code, w.Body)
		}
		if again := w.Header().Get("Retry-After") != ""; w.Code == http.StatusServiceUnavailable && again == errors.Is(test.err, dedup.ErrUnclear) {
			t.Errorf("%v: Retry-After is %v", test.err, again)
		}
	}
}

func TestDestinationsArePausedAndResumedByName(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	if w := r.send(t, http.MethodPost, "/api/v1/destinations/app/pause", `{"reason":"maintenance"}`); w.Code != http.StatusOK || !r.destinations.paused {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff(view.Act{Actor: "alice", Reason: "maintenance"}, r.destinations.act); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w := r.get(t, "/api/v1/destinations")
	if !strings.Contains(w.Body.String(), `"destination":"app"`) || !strings.Contains(w.Body.String(), `"paused":true`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := r.send(t, http.MethodPost, "/api/v1/destinations/app/resume", `{"reason":"done"}`); w.Code != http.StatusOK || r.destinations.paused {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = r.send(t, http.MethodPost, "/api/v1/destinations/ap/pause", `{"reason":"x"}`)
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "there is app") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStuckTakesAges(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	w := r.get(t, "/api/v1/stuck?runs=2d&deliveries=90m&delivering=1h&limit=3")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "null") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := view.StuckQuery{Runs: 48 * time.Hour, Deliveries: 90 * time.Minute, Delivering: time.Hour, Limit: 3}
	if !reflect.DeepEqual(want, r.deliveries.asked) {
		t.Errorf("asked %+v, want %+v", r.deliveries.asked, want)
	}
	if w := r.get(t, "/api/v1/stuck?runs=soon"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "query.runs") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRiverIsReadOnlyAndBehindTheLogin(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	h, err := NewAdmin(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	try := func(method, target string, login func(*http.Request)) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, target, strings.NewReader(""))
		login(req)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w
	}
	nobody := func(*http.Request) {}
	browser := func(req *http.Request) { req.SetBasicAuth("anybody", adminTestToken) }
	bearer := func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+adminTestToken) }

	w := try(http.MethodGet, "/river/jobs", nobody)
	if w.Code != http.StatusUnauthorized || !strings.Contains(strings.Join(w.Header()["Www-Authenticate"], ";"), "Basic realm=") {
		t.Errorf("without a login: %d %v", w.Code, w.Header())
	}
	if w := try(http.MethodGet, "/river/jobs", func(req *http.Request) { req.SetBasicAuth(adminTestToken, "x") }); w.Code != http.StatusUnauthorized {
		t.Errorf("with a wrong password: %d", w.Code)
	}
	for _, login := range []func(*http.Request){browser, bearer} {
		w := try(http.MethodGet, "/river/jobs", login)
		if w.Code != http.StatusOK || w.Body.String() != "river /river/jobs" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("with a login: %d %s %v", w.Code, w.Body, w.Header())
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if w := try(method, "/river/api/jobs/cancel", browser); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
	if w := try(http.MethodGet, "/api/v1/runs", browser); w.Code != http.StatusUnauthorized {
		t.Errorf("the API takes a browser's login: %d", w.Code)
	}
	r.opts.River = nil
	if h, err = NewAdmin(r.opts); err != nil {
		t.Fatal(err)
	}
	if w := try(http.MethodGet, "/river/jobs", browser); w.Code != http.StatusNotFound {
		t.Errorf("without River: %d", w.Code)
	}
}

// fakeRiver says what it was asked for.
func fakeRiver(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "river "+r.URL.Path) }

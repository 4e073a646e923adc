package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// fakeDashboard remembers the last question and gives what its fields say.
type fakeDashboard struct {
	query   any
	err     error
	source  string
	connect view.Connect
}

func (f *fakeDashboard) Overview(_ context.Context, r view.Range, source string) (view.Overview, error) {
	f.query, f.source = r, source
	return view.Overview{Receipts: 7}, f.err
}

func (f *fakeDashboard) Top(_ context.Context, q view.TopQuery) (view.Top, error) {
	f.query = q
	return view.Top{Items: []view.TopItem{{Name: "R1"}}}, f.err
}

func (f *fakeDashboard) Windows(_ context.Context, r view.Range) ([]view.WindowSummary, error) {
	f.query = r
	return nil, f.err
}

func (f *fakeDashboard) WindowAdvice(_ context.Context, q view.WindowQuery) (view.WindowAdvice, error) {
	f.query = q
	return view.WindowAdvice{}, f.err
}

func (f *fakeDashboard) Status(context.Context) (view.Status, error) {
	return view.Status{Version: "v1"}, f.err
}

func (f *fakeDashboard) SourceList(_ context.Context, r view.Range) (view.SourceList, error) {
	f.query = r
	return view.SourceList{}, f.err
}

func (f *fakeDashboard) Configuration() (view.ConfigState, error) {
	return view.ConfigState{YAML: "token: ***"}, f.err
}

func (f *fakeDashboard) Connect() (view.Connect, error) { return f.connect, f.err }

func (f *fakeDashboard) AuditEntries(_ context.Context, q view.AuditQuery) (view.Page[view.AuditEntry], error) {
	f.query = q
	return view.Page[view.AuditEntry]{}, f.err
}

func (f *fakeDashboard) SendSample(_ context.Context, again bool) (view.SentSample, error) {
	f.query = again
	return view.SentSample{Status: 200, Outcome: "new"}, f.err
}

// newInsightRig is an admin handler with a dashboard.
func newInsightRig() (*adminRig, *fakeDashboard) {
	r, f := newAdminRig(), &fakeDashboard{}
	r.opts.Dashboard = Dashboard{Insight: f, Process: f, Audit: f, Samples: f, Live: &fakeLive{}}
	return r, f
}

func TestQuestionsOfTheDashboardArePassedOn(t *testing.T) {
	t.Parallel()
	r, f := newInsightRig()
	since, until := time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC), time.Date(2026, 9, 15, 10, 0, 0, 0, time.UTC)
	span := view.Range{Since: since, Until: until}
	times := "since=2026-09-14T10:00:00Z&until=2026-09-15T10:00:00Z"
	for target, want := range map[string]any{
		"/overview?source=apify&" + times:           span,
		"/overview?until=2026-09-15T10:00:00Z":      span, // a day when no start is given
		"/top?by=run&source=apify&limit=5&" + times: view.TopQuery{Range: span, By: "run", Source: "apify", Limit: 5},
		"/top?" + times:                              view.TopQuery{Range: span, By: "actor", Limit: 10},
		"/ttl?" + times:                              span,
		"/ttl?until=2026-09-15T10:00:00Z":            view.Range{Since: until.AddDate(0, 0, -30), Until: until},
		"/ttl/apify?type=TEST&window=1d12h&" + times: view.WindowQuery{Range: span, Source: "apify", Type: "TEST", Window: 36 * time.Hour},
		"/sources?" + times:                          span,
		"/audit?actor=me&action=epoch.bump&target=t&limit=3&cursor=c&" + times: view.AuditQuery{
			Range: span, Paging: view.Paging{Limit: 3, Cursor: "c"}, Actor: "me", Action: "epoch.bump", Target: "t",
		},
	} {
		if w := r.get(t, apiPrefix+target); w.Code != http.StatusOK || f.query != want {
			t.Errorf("%s: %d\ngot  %+v\nwant %+v\n%s", target, w.Code, f.query, want, w.Body)
		}
	}
	if r.get(t, apiPrefix+"/overview?source=apify"); f.source != "apify" {
		t.Errorf("source %q", f.source)
	}
}

func TestMistakesOfTheDashboardSayWhere(t *testing.T) {
	t.Parallel()
	r, _ := newInsightRig()
	for target, text := range map[string]string{
		"/top?by=webhook":                 "dispatch",
		"/top?limit=101":                  "query.limit",
		"/ttl/apify?window=soon":          "query.window",
		"/ttl/apify?window=500ms":         "1s to 366d",
		"/ttl/apify?window=400d":          "1s to 366d",
		"/ttl/apify?window=-1h":           "1s to 366d",
		"/overview?since=1h&until=2h":     "later than since",
		"/stream?outcome=first":           "query.outcome",
		"/audit?cursor=" + long(600, "c"): "query.cursor",
	} {
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusUnprocessableEntity, text)
	}
}

func TestLengthsAreReadAsTheConfigurationWritesThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "36h": 36 * time.Hour, "3d": 72 * time.Hour, "1d12h": 36 * time.Hour, "0d1s": time.Second,
	} {
		if got, ok := parseLength(text); !ok || got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "xd", "3dd", "1d-1h", "-3d", "99999999999d", "3"} {
		if got, ok := parseLength(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestListsOfTheDashboardAreNeverNull(t *testing.T) {
	t.Parallel()
	r, _ := newInsightRig()
	for target, want := range map[string]string{
		"/ttl": `"items":[]`, "/sources": `"items":[]`, "/audit": `"items":[]`, "/config": `"warnings":[]`,
	} {
		if w := r.get(t, apiPrefix+target); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
}

func TestFailuresBehindTheDashboardAreTranslated(t *testing.T) {
	t.Parallel()
	r, f := newInsightRig()
	for _, target := range []string{"/overview", "/top", "/ttl", "/ttl/apify", "/sources", "/audit", "/config", "/status", "/connect"} {
		f.err = dedup.ErrUnavailable
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusServiceUnavailable, "can't be reached")
		f.err = errors.New("relation secret does not exist")
		wantProblem(t, r.get(t, apiPrefix+target), http.StatusInternalServerError, "the log has the details")
	}
	f.err = fmt.Errorf("%w: %q; there are apify, shop", ErrNoSource, "nobody")
	wantProblem(t, r.get(t, apiPrefix+"/ttl/nobody"), http.StatusNotFound, "there are apify, shop")
	f.err = view.ErrNotFound
	wantProblem(t, r.get(t, apiPrefix+"/connect"), http.StatusNotFound, "no such entry")
}

func TestASampleIsSentOnlyToAGatewayForTrying(t *testing.T) {
	t.Parallel()
	r, f := newInsightRig()
	w := r.send(t, http.MethodPost, apiPrefix+"/send-sample", `{"again":true}`)
	if w.Code != http.StatusOK || f.query != true || !strings.Contains(w.Body.String(), `"outcome":"new"`) {
		t.Errorf("%d %s, asked %v", w.Code, w.Body, f.query)
	}
	if !strings.Contains(r.log.String(), `"msg":"sample sent","actor":"alice"`) {
		t.Errorf("logged %s", r.log.String())
	}
	f.err = ErrNoSamples
	wantProblem(t, r.send(t, http.MethodPost, apiPrefix+"/send-sample", `{}`), http.StatusConflict, "dedupgate send")
}

func TestATokenIsOnlyForThoseWhoMayOperate(t *testing.T) {
	t.Parallel()
	r, f := newInsightRig()
	f.connect = view.Connect{Source: "apify", WebhookURL: "http://gw/webhooks/apify?token=CANARY"}
	if w := r.get(t, apiPrefix+"/connect"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "CANARY") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(r.log.String(), "CANARY") {
		t.Errorf("the log has the token: %s", r.log.String())
	}
	for _, ask := range []*http.Request{
		httptest.NewRequest(http.MethodGet, apiPrefix+"/connect", nil),
		httptest.NewRequest(http.MethodPost, apiPrefix+"/send-sample", strings.NewReader(`{}`)),
	} {
		ask.Header.Set("Authorization", "Bearer "+readToken)
		w := httptest.NewRecorder()
		r.h.ServeHTTP(w, ask)
		wantProblem(t, w, http.StatusForbidden, "operate")
	}
}

func TestWithoutADashboardThereAreNoQuestionsForIt(t *testing.T) {
	t.Parallel()
	wantProblem(t, newAdminRig().get(t, apiPrefix+"/overview"), http.StatusNotFound, "GET /")
}

func TestEveryOperationOfTheDashboardIsDescribed(t *testing.T) {
	t.Parallel()
	r, _ := newInsightRig()
	doc, index := r.get(t, "/api/openapi.json").Body.String(), r.get(t, "/").Body.String()
	for _, op := range newAdmin(r.opts).insightOperations() {
		if !strings.Contains(doc, `"`+op.Path+`"`) || !strings.Contains(index, apiPrefix+op.Path) {
			t.Errorf("%s is not described", op.Path)
		}
	}
	if !strings.Contains(doc, "text/event-stream") {
		t.Error("the stream's type is not described")
	}
}

func TestABodyIsOnlyAFile(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.reader.body = view.Body{ContentType: "text/html", Bytes: []byte("<script>alert(1)</script>")}
	for _, target := range []string{"/events/", "/quarantine/"} {
		w := r.get(t, apiPrefix+target+someID+"/body")
		for name, want := range map[string]string{
			"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "X-Sent-Content-Type": "text/html",
		} {
			if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
	}
}

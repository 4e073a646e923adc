package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/access"
)

// concrete puts something into a route's parameters.
func concrete(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		switch {
		case p == ":name":
			parts[i] = "app"
		case strings.HasPrefix(p, ":") || strings.HasPrefix(p, "*"):
			parts[i] = someID
		}
	}
	return strings.Join(parts, "/")
}

func ask(h http.Handler, method, target, token string) *httptest.ResponseRecorder {
	return askHost(h, "127.0.0.1:8081", method, target, token)
}

// askHost asks under a name of the gateway.
func askHost(h http.Handler, host, method, target, token string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(`{"reason":"a test"}`))
	req.Host = host
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestEveryPublicRouteHasARule(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e, err := newPublicEngine(&r.opts)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]rule{}
	for _, row := range publicRoutes(newIngest(&r.opts), r.opts.Health) {
		rules[ruleKey(row.method, row.path)] = row.rule
	}
	for _, got := range e.Routes() {
		w := ask(e, got.Method, concrete(got.Path), "")
		switch rules[ruleKey(got.Method, got.Path)] {
		case ruleOpen:
			if w.Code != http.StatusOK {
				t.Errorf("%s %s is open and answers %d", got.Method, got.Path, w.Code)
			}
		case ruleSourceToken:
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s wants a token and answers %d without", got.Method, got.Path, w.Code)
			}
		default:
			t.Errorf("%s %s has no rule", got.Method, got.Path)
		}
	}
	if len(e.Routes()) != len(rules) {
		t.Errorf("%d routes, %d rows", len(e.Routes()), len(rules))
	}
}

// Every route of the admin listener is asked by somebody of each role, by a stranger and by one who guesses.
func TestEveryAdminRouteHasARule(t *testing.T) {
	t.Parallel()
	callers := map[string]access.Role{"": access.Nobody, "wrong": access.Nobody, readToken: access.Read, operateToken: access.Operate, adminTestToken: access.Admin}
	for _, onLoopback := range []bool{false, true} {
		rig := newAdminRig()
		rig.opts.OnLoopback = onLoopback
		a := newAdmin(rig.opts)
		var minutes atomic.Int64
		a.guard.now = func() time.Time { return time.Now().Add(time.Duration(minutes.Add(1)) * time.Minute) } // nobody is locked out
		e, err := a.engine()
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Routes()) != len(a.rules) {
			t.Errorf("%d routes, %d rules", len(e.Routes()), len(a.rules))
		}
		for _, got := range e.Routes() {
			key := ruleKey(got.Method, got.Path)
			r := a.rules[key]
			open := r == ruleOpen || r == ruleMetrics && onLoopback
			if !open && r.role() == access.Nobody {
				t.Errorf("%s has no rule", key)
			}
			for token, role := range callers {
				w := ask(e, got.Method, concrete(got.Path), token)
				wantAccess(t, key+" as "+role.String(), w, open, role, r.role())
				wantSecured(t, key, w)
			}
		}
	}
}

// wantAccess checks an answer against the rule. Opening a session is judged by the session's own tests.
func wantAccess(t *testing.T, what string, w *httptest.ResponseRecorder, open bool, has, needs access.Role) {
	t.Helper()
	refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden
	switch {
	case open, has.Allows(needs):
		if refused {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	case has == access.Nobody && w.Code != http.StatusUnauthorized, has != access.Nobody && w.Code != http.StatusForbidden:
		t.Errorf("%s: %d, takes %s", what, w.Code, needs)
	}
}

// wantSecured checks what every answer of the admin listener must say to a browser.
func wantSecured(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	csp := h.Get("Content-Security-Policy")
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") == "" ||
		!strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("%s: headers %v", what, h)
	}
	if strings.Contains(csp, "'unsafe-eval'") || strings.Contains(csp, "script-src 'unsafe-inline'") {
		t.Errorf("%s: scripts may be made of text: %s", what, csp)
	}
}

// A page of another site may have its name lead to loopback (DNS rebinding). It then reads what is open, and nothing is.
func TestMetricsAreOpenUnderThisMachinesOwnNamesOnly(t *testing.T) {
	t.Parallel()
	rig := newAdminRig()
	rig.opts.OnLoopback = true
	e, err := newAdmin(rig.opts).engine()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "127.0.0.1": 200, "localhost:8081": 200, "LocalHost": 200, "[::1]:8081": 200, "[::1]": 200, "127.9.9.9:1": 200,
		"evil.example:8081": 401, "localhost.evil.example": 401, "127.0.0.1.evil.example:8081": 401, "10.0.0.1:8081": 401, "": 401,
		"evil.example@127.0.0.1": 401, "[::1": 401, "0.0.0.0:8081": 401, "127.0.0.1:8081:x": 401,
	} {
		if w := askHost(e, host, http.MethodGet, "/metrics", ""); w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
		if w := askHost(e, host, http.MethodGet, "/metrics", readToken); w.Code != http.StatusOK {
			t.Errorf("%q with a token: %d", host, w.Code)
		}
	}
}

func TestARouteWithoutARuleIsClosed(t *testing.T) {
	t.Parallel()
	rig := newAdminRig()
	e, err := newAdmin(rig.opts).engine()
	if err != nil {
		t.Fatal(err)
	}
	e.GET("/forgotten", func(c *gin.Context) { c.String(http.StatusOK, "secrets") })
	w := ask(e, http.MethodGet, "/forgotten", adminTestToken)
	if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "secrets") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheApiIsUnderTheTokenAsAWhole(t *testing.T) {
	t.Parallel()
	a := newAdmin(newAdminRig().opts)
	if _, err := a.engine(); err != nil {
		t.Fatal(err)
	}
	for key, r := range a.rules {
		method, path, _ := strings.Cut(key, " ")
		if !strings.HasPrefix(path, apiPrefix+"/") || path == apiPrefix+"/session" {
			continue
		}
		if method == http.MethodGet && !r.role().Allows(access.Read) || method != http.MethodGet && !r.role().Allows(access.Operate) {
			t.Errorf("%s takes %s", key, r.role())
		}
	}
}

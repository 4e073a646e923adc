package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
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
	req := httptest.NewRequest(method, target, strings.NewReader(`{"reason":"a test"}`))
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

func TestEveryAdminRouteHasARule(t *testing.T) {
	t.Parallel()
	for _, metricsOpen := range []bool{false, true} {
		rig := newAdminRig()
		rig.opts.MetricsOpen = metricsOpen
		a := newAdmin(rig.opts)
		e, err := a.engine()
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Routes()) != len(a.rules) {
			t.Errorf("%d routes, %d rules", len(e.Routes()), len(a.rules))
		}
		for _, got := range e.Routes() {
			target := concrete(got.Path)
			bare, wrong, right := ask(e, got.Method, target, ""), ask(e, got.Method, target, "wrong"), ask(e, got.Method, target, adminTestToken)
			if right.Code != http.StatusOK && right.Code != http.StatusConflict { // a conflict is what the operation itself says
				t.Errorf("%s %s with the token: %d %s", got.Method, got.Path, right.Code, right.Body)
			}
			want := http.StatusUnauthorized
			switch a.rules[ruleKey(got.Method, got.Path)] {
			case ruleOpen:
				want = http.StatusOK
			case ruleMetrics:
				if metricsOpen {
					want = http.StatusOK
				}
			case ruleAdminToken, ruleAdminBrowser:
			default:
				t.Errorf("%s %s has no rule", got.Method, got.Path)
			}
			if bare.Code != want || wrong.Code != want {
				t.Errorf("%s %s answers %d without a token and %d with a wrong one, want %d", got.Method, got.Path, bare.Code, wrong.Code, want)
			}
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
		if strings.Contains(key, apiPrefix+"/") && r != ruleAdminToken {
			t.Errorf("%s: rule %d", key, r)
		}
	}
}

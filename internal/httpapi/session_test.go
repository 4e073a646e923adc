package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// browser keeps the cookie and asks as a page of the gateway's own does.
type browser struct {
	h      http.Handler
	cookie *http.Cookie
}

func (b *browser) ask(method, target, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.cookie != nil && b.cookie.Value != "" {
		req.AddCookie(b.cookie)
	}
	for _, c := range change {
		c(req)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, req)
	if set := w.Result().Cookies(); len(set) == 1 {
		b.cookie = set[0]
	}
	return w
}

func (b *browser) login(t *testing.T, token string) *httptest.ResponseRecorder {
	t.Helper()
	w := b.ask(http.MethodPost, "/api/v1/session", `{"token":"`+token+`"}`)
	if w.Code != http.StatusOK {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	return w
}

func newBrowser(t *testing.T, rig *adminRig) (*browser, *admin) {
	t.Helper()
	a := newAdmin(rig.opts)
	e, err := a.engine()
	if err != nil {
		t.Fatal(err)
	}
	return &browser{h: e}, a
}

func TestLoginWorkLogout(t *testing.T) {
	t.Parallel()
	b, _ := newBrowser(t, newAdminRig())
	if w := b.ask(http.MethodGet, "/api/v1/session", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("before the login: %d", w.Code)
	}
	w := b.login(t, operateToken)
	var who SessionAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &who); err != nil || who.Name != "eve" || who.Role != "operate" || who.EndsAt == nil {
		t.Errorf("%s", w.Body)
	}
	if strings.Contains(w.Body.String()+w.Header().Get("Set-Cookie"), operateToken) {
		t.Error("the answer has the token in it")
	}
	if c := b.cookie; c.Name != plainCookie || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	if w := b.ask(http.MethodGet, "/api/v1/runs", ""); w.Code != http.StatusOK {
		t.Errorf("reading: %d %s", w.Code, w.Body)
	}
	if w := b.ask(http.MethodPost, "/api/v1/quarantine/"+someID+"/replay", `{"reason":"a test"}`); w.Code != http.StatusOK {
		t.Errorf("changing: %d %s", w.Code, w.Body)
	}
	if w := b.ask(http.MethodDelete, "/api/v1/session", ""); w.Code != http.StatusNoContent || b.cookie.MaxAge >= 0 || b.cookie.Value != "" {
		t.Errorf("logout: %d, cookie %+v", w.Code, b.cookie)
	}
	if w := b.ask(http.MethodGet, "/api/v1/runs", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", w.Code)
	}
}

func TestASessionHasItsTokensRole(t *testing.T) {
	t.Parallel()
	b, _ := newBrowser(t, newAdminRig())
	b.login(t, readToken)
	if w := b.ask(http.MethodGet, "/api/v1/runs", ""); w.Code != http.StatusOK {
		t.Errorf("reading: %d", w.Code)
	}
	w := b.ask(http.MethodPost, "/api/v1/quarantine/"+someID+"/replay", `{"reason":"a test"}`)
	wantProblem(t, w, http.StatusForbidden, "takes the role operate; your token has the role read")
}

func TestTheCookieIsSecureBehindAProxyWithTLS(t *testing.T) {
	t.Parallel()
	rig := newAdminRig()
	rig.opts.BehindProxy = true
	b, _ := newBrowser(t, rig)
	b.login(t, readToken)
	if c := b.cookie; c.Name != "__Host-dedupgate" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	if w := b.ask(http.MethodGet, "/api/v1/session", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.cookie.Name = plainCookie // as a neighbour could plant it
	if w := b.ask(http.MethodGet, "/api/v1/session", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("a cookie without the prefix: %d", w.Code)
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	b, a := newBrowser(t, newAdminRig())
	b.login(t, readToken)
	a.guard.now = func() time.Time { return time.Now().Add(time.Hour) }
	if w := b.ask(http.MethodGet, "/api/v1/session", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("%d", w.Code)
	}
}

// No page of another site can make a logged-in browser change something, not even log in or out.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	crossSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	sameSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }
	oldBrowser := func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set("Origin", "https://evil.example")
	}
	rig := newAdminRig()
	b, a := newBrowser(t, rig)
	b.login(t, adminTestToken)
	for key, r := range a.rules {
		method, path, _ := strings.Cut(key, " ")
		for _, page := range []func(*http.Request){crossSite, sameSite, oldBrowser} {
			w := b.ask(method, concrete(path), `{"reason":"a test","token":"`+adminTestToken+`"}`, page)
			refused := w.Code == http.StatusForbidden
			if changes := method != http.MethodGet && method != http.MethodHead; refused != changes {
				t.Errorf("%s (rule %d): %d %s", key, r, w.Code, w.Body)
			}
		}
	}
	program := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }
	if w := b.ask(http.MethodPost, "/api/v1/quarantine/"+someID+"/replay", `{"reason":"a test"}`, program); w.Code != http.StatusOK {
		t.Errorf("a program: %d %s", w.Code, w.Body)
	}
}

func TestGuessingLocksTheAddressOut(t *testing.T) {
	t.Parallel()
	rig := newAdminRig()
	b, a := newBrowser(t, rig)
	b.login(t, adminTestToken)
	now := time.Now()
	a.guard.now = func() time.Time { return now }
	stranger := browser{h: b.h}
	guess := func(token string) *httptest.ResponseRecorder {
		return stranger.ask(http.MethodPost, "/api/v1/session", `{"token":"`+token+`"}`)
	}
	for i := range wrongTokens {
		if w := guess("a-guess"); w.Code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d %s", i+1, w.Code, w.Body)
		}
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"a guess": guess("wrong"), "a right one": guess(adminTestToken),
		"a bearer": ask(b.h, http.MethodGet, "/api/v1/runs", adminTestToken),
	} {
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "60" {
			t.Errorf("%s: %d, Retry-After %q", name, w.Code, w.Header().Get("Retry-After"))
		}
	}
	if w := b.ask(http.MethodGet, "/api/v1/runs", ""); w.Code != http.StatusOK {
		t.Errorf("who is logged in: %d", w.Code)
	}
	elsewhere := func(r *http.Request) { from("198.51.100.7", r) }
	if w := stranger.ask(http.MethodPost, "/api/v1/session", `{"token":"`+readToken+`"}`, elsewhere); w.Code != http.StatusOK {
		t.Errorf("from another address: %d", w.Code)
	}
	now = now.Add(time.Minute)
	if w := guess(adminTestToken); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d %s", w.Code, w.Body)
	}
	if strings.Contains(rig.log.String(), "a-guess") || strings.Contains(rig.log.String(), adminTestToken) {
		t.Errorf("the log repeats what was guessed: %s", rig.log)
	}
}

func TestRequestsWithoutATokenAreNoGuesses(t *testing.T) {
	t.Parallel()
	b, _ := newBrowser(t, newAdminRig())
	for range 3 * wrongTokens {
		b.ask(http.MethodGet, "/api/v1/runs", "")
	}
	b.login(t, readToken)
}

// A page of another site that has its own name lead to loopback guesses from loopback's address. (DNS rebinding)
func TestAPageThatHasItsNameLeadToLoopbackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	rig := newAdminRig()
	rig.opts.OnLoopback = true
	b, _ := newBrowser(t, rig)
	as := func(host string) func(*http.Request) {
		return func(r *http.Request) { from("127.0.0.1", r).Host = host }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	for range 2 * wrongTokens {
		w := b.ask(http.MethodPost, "/api/v1/session", `{"token":"a-guess"}`, as("evil.example:8081"))
		wantProblem(t, w, http.StatusForbidden, "Log in at localhost or 127.0.0.1")
		b.ask(http.MethodGet, "/api/v1/runs", "", as("evil.example:8081"), bearer("a-guess"))
	}
	wantProblem(t, b.ask(http.MethodPost, "/api/v1/session", `{"token":"`+readToken+`"}`, as("evil.example:8081")), http.StatusForbidden, "admin.behind_proxy")
	if w := b.ask(http.MethodGet, "/api/v1/runs", "", as("evil.example:8081"), bearer(readToken)); w.Code != http.StatusTooManyRequests {
		t.Errorf("a right token by the page's name: %d", w.Code)
	}
	for _, host := range []string{"127.0.0.1:8081", "localhost:8081", "[::1]:8081"} {
		if w := b.ask(http.MethodGet, "/api/v1/runs", "", as(host), bearer(readToken)); w.Code != http.StatusOK {
			t.Errorf("a program that asks %s: %d %s", host, w.Code, w.Body)
		}
		if w := b.ask(http.MethodPost, "/api/v1/session", `{"token":"`+readToken+`"}`, as(host)); w.Code != http.StatusOK {
			t.Errorf("a login at %s: %d %s", host, w.Code, w.Body)
		}
	}
}

func TestAFailedLoginDoesNotRepeatTheToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		contentType, body string
		status            int
	}{
		"another type":      {"text/plain", `{"token":"typed-token"}`, http.StatusUnsupportedMediaType},
		"broken JSON":       {"application/json", `{"token":"typed-token"`, http.StatusBadRequest},
		"another key":       {"application/json", `{"tokn":"typed-token"}`, http.StatusUnprocessableEntity},
		"a list":            {"application/json", `{"token":["typed-token"]}`, http.StatusUnprocessableEntity},
		"more than a token": {"application/json", `{"token":"` + strings.Repeat("typed-token", 100) + `"}`, http.StatusUnprocessableEntity},
	} {
		rig := newAdminRig()
		b, _ := newBrowser(t, rig)
		w := b.ask(http.MethodPost, "/api/v1/session", c.body, func(r *http.Request) { r.Header.Set("Content-Type", c.contentType) })
		if w.Code != c.status || strings.Contains(w.Body.String()+rig.log.String(), "typed-token") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

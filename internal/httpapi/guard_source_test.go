package httpapi

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

func TestASignedRequestIsLetIn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if w := r.send(t, signedRequest(`{"a": "as it came"}`)); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if admitted, _ := r.all(); len(admitted) != 1 || string(admitted[0].Body) != `{"a": "as it came"}` {
		t.Errorf("%d admitted", len(admitted))
	}
	changed := signedRequest("{}")
	changed.Body = io.NopCloser(strings.NewReader(`["as it came?"]`))
	changed.ContentLength = -1
	for name, req := range map[string]*http.Request{
		"another body": changed,
		"no signature": httptest.NewRequest(http.MethodPost, "/webhooks/signed", strings.NewReader("{}")),
		"a token":      httptest.NewRequest(http.MethodPost, "/webhooks/signed?token="+testToken, strings.NewReader("{}")),
	} {
		if w := r.send(t, req); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// A name that is not configured answers as a source does: also to a body that must be read before the signature can be
// checked, and to one that can't be read.
func TestANameThatIsNotConfiguredBehavesLikeASource(t *testing.T) {
	t.Parallel()
	requests := map[string]func(name string) *http.Request{
		"nothing shown": func(name string) *http.Request {
			return httptest.NewRequest(http.MethodPost, "/webhooks/"+name, strings.NewReader("{}"))
		},
		"wrong signature": func(name string) *http.Request {
			req := httptest.NewRequest(http.MethodPost, "/webhooks/"+name, strings.NewReader("{}"))
			req.Header.Set("X-Hub-Signature-256", "sha256=00")
			return req
		},
		"wrong signature, too large": func(name string) *http.Request {
			req := httptest.NewRequest(http.MethodPost, "/webhooks/"+name, strings.NewReader(strings.Repeat("x", 300<<10)))
			req.Header.Set("X-Hub-Signature-256", "sha256=00")
			return req
		},
		"wrong signature, compressed": func(name string) *http.Request {
			req := httptest.NewRequest(http.MethodPost, "/webhooks/"+name, strings.NewReader("{}"))
			req.Header.Set("X-Hub-Signature-256", "sha256=00")
			req.Header.Set("Content-Encoding", "gzip")
			return req
		},
	}
	for what, request := range requests {
		r := newRig(t)
		r.opts.Sources = signedOnly{r.opts.Sources}
		known, unknown := r.send(t, request("signed")), r.send(t, request("nobody"))
		if known.Code != unknown.Code || known.Body.String() != unknown.Body.String() || len(known.Header()) != len(unknown.Header()) || known.Code == http.StatusOK {
			t.Errorf("%s: %d %s, and for nobody %d %s", what, known.Code, known.Body, unknown.Code, unknown.Body)
		}
	}
}

// signedOnly mimics the source signed.
type signedOnly struct{ Sources }

func (s signedOnly) Decoy(string) *signature.Guard {
	src, _ := s.Lookup("signed")
	return src.Guard.Decoy()
}

func TestFailuresAreChargedToTheirAddressAndNothingElse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Limits = func() Limits { return Limits{FailedAuth: quota.Quota{Count: 3, Per: time.Hour}} }
	h := r.handler(t)
	send := func(req *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w
	}
	wrong := func(ip string) *http.Request {
		return from(ip, httptest.NewRequest(http.MethodPost, "/webhooks/apify?token=wrong", nil))
	}
	for range 5 {
		if w := send(from("192.0.2.1", webhookRequest("apify", succeeded(t)))); w.Code != http.StatusOK {
			t.Fatalf("a right token: %d", w.Code)
		}
	}
	for i := range 5 {
		w := send(wrong("192.0.2.1"))
		if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusTooManyRequests}[i < 3]; w.Code != want {
			t.Errorf("failure %d: %d, want %d", i+1, w.Code, want)
		}
		if after, _ := strconv.Atoi(w.Header().Get("Retry-After")); i >= 3 && (after < 1200 || after > 2400) {
			t.Errorf("Retry-After %d", after)
		}
	}
	if w := send(from("192.0.2.1", webhookRequest("apify", succeeded(t)))); w.Code != http.StatusOK {
		t.Errorf("a right token from the same address: %d", w.Code)
	}
	if w := send(wrong("192.0.2.2")); w.Code != http.StatusUnauthorized {
		t.Errorf("another address: %d", w.Code)
	}
}

// The allow-list looks at the address that a declared proxy tells, and at nobody else's word.
func TestNetworksBehindProxies(t *testing.T) {
	t.Parallel()
	guard, err := signature.NewGuard(signature.GuardOptions{
		Tokens: []signature.Token{signature.HashToken(testToken)}, Networks: []netip.Prefix{netip.MustParsePrefix("3.215.64.207/32")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, remote string
		header       http.Header
		status       int
	}{
		{"straight from there", "3.215.64.207", nil, 200},
		{"from elsewhere", "192.0.2.1", nil, 401},
		{"said by a stranger", "192.0.2.1", forwardedFor("3.215.64.207"), 401},
		{"said by a declared proxy", "10.0.0.1", forwardedFor("3.215.64.207"), 200},
		{"said by the sender to a declared proxy", "10.0.0.1", forwardedFor("3.215.64.207, 192.0.2.1"), 401},
		{"said in a line of its own, which the proxy leaves as it is", "10.0.0.1", forwardedFor("3.215.64.207", "192.0.2.1"), 401},
		{"two declared proxies", "10.0.0.1", forwardedFor("3.215.64.207, 10.9.9.9"), 200},
		{"the proxy itself", "10.0.0.1", nil, 401},
		{"another proxy", "172.16.0.1", forwardedFor("3.215.64.207"), 401},
		{"a header that the proxy does not know", "10.0.0.1", http.Header{"X-Real-Ip": {"3.215.64.207"}}, 401},
		{"another one", "10.0.0.1", http.Header{"Forwarded": {"for=3.215.64.207"}}, 401},
		{"no address, and another header", "10.0.0.1", http.Header{"X-Forwarded-For": {"unknown"}, "X-Real-Ip": {"3.215.64.207"}}, 401},
	} {
		r := newRig(t)
		r.opts.TrustedProxies = []string{"10.0.0.0/8"}
		r.opts.Sources = fakeSources{"apify": newSource(t, source.Options{Name: "apify", Kind: source.Apify, Guard: guard})}
		req := from(c.remote, webhookRequest("apify", succeeded(t)))
		maps.Copy(req.Header, c.header)
		if w := r.send(t, req); w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.status)
		}
	}
}

func forwardedFor(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }

// Whatever a sender says of its own address, a declared proxy's word is the one that counts.
func FuzzForwardedFor(f *testing.F) {
	const said = "203.0.113.9"
	for _, text := range []string{"", "3.215.64.207", "3.215.64.207, 10.0.0.2", ",", "10.0.0.1", "::1", "203.0.113.9:80", "unknown", "\"[2001:db8::1]\"", "%"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	e, err := newEngine([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	var got string
	e.GET("/", func(c *gin.Context) { got = c.ClientIP() })
	f.Fuzz(func(t *testing.T, text string, ownLine bool) {
		req := from("10.0.0.1", httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		req.Header = forwardedFor(text + ", " + said)
		if ownLine {
			req.Header = forwardedFor(text, said)
		}
		for _, name := range []string{"X-Real-Ip", "Forwarded", "X-Forwarded-Host", "Client-Ip", "True-Client-Ip"} {
			req.Header[name] = []string{text}
		}
		if e.ServeHTTP(httptest.NewRecorder(), req); got != said {
			t.Errorf("%q before the proxy's word gives %q", text, got)
		}
	})
}

func TestTooManyUnderWayAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Limits = func() Limits { return Limits{InFlight: 2} }
	entered, leave := make(chan struct{}), make(chan struct{})
	r.opts.Gate = waitingGate(entered, leave)
	h, body := r.handler(t), succeeded(t)
	var held sync.WaitGroup
	for range 2 {
		held.Go(func() { h.ServeHTTP(httptest.NewRecorder(), webhookRequest("apify", body)) })
		<-entered
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, webhookRequest("apify", body))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(leave)
	held.Wait()
	go func() { <-entered }()
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, webhookRequest("apify", body)); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// waitingGate tells of each request that has come in and holds it until it may leave.
func waitingGate(entered chan<- struct{}, leave <-chan struct{}) Gate {
	return fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) {
		entered <- struct{}{}
		<-leave
		return firstSeen, nil
	})
}

// While a secret is being replaced, senders with the old one, with the new one and with both are let in all the time.
func TestRotationUnderLoadRefusesNoGoodSender(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var sources swapping
	set := func(tokens ...string) {
		var o source.Options
		for _, token := range tokens {
			o.Tokens = append(o.Tokens, signature.HashToken(token))
		}
		o.Name, o.Kind, o.Default = "apify", source.Apify, source.Windows{Window: time.Hour, Lease: time.Second}
		src, err := source.New(o)
		if err != nil {
			t.Error(err)
			return
		}
		sources.set(src)
	}
	set("old")
	r.opts.Sources = &sources
	h, body := r.handler(t), succeeded(t)
	send := func(token string) {
		req := httptest.NewRequest(http.MethodPost, "/webhooks/apify?token="+token, strings.NewReader(body))
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, req); w.Code != http.StatusOK {
			t.Errorf("the token %s is answered %d", token, w.Code)
		}
	}
	feed := func(token string, during func()) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					send(token)
				}
			})
		}
		all.Go(during)
		all.Wait()
	}
	feed("old", func() { set("old", "new") })
	feed("new", func() { set("new", "old") })
	feed("new", func() { set("new") })
	old := httptest.NewRecorder()
	if h.ServeHTTP(old, httptest.NewRequest(http.MethodPost, "/webhooks/apify?token=old", strings.NewReader(body))); old.Code != http.StatusUnauthorized {
		t.Errorf("the old token is answered %d in the end", old.Code)
	}
}

// swapping gives out one source that can be replaced.
type swapping struct {
	mu  sync.Mutex
	src *source.Source
}

func (s *swapping) set(src *source.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.src = src
}

func (s *swapping) Lookup(string) (*source.Source, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src, true
}

func (s *swapping) Decoy(string) *signature.Guard {
	src, _ := s.Lookup("")
	return src.Guard.Decoy()
}

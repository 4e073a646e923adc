package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// slowlySigned is a request that shows a signature and whose body does not end before the test lets it. It tells when
// somebody reads it.
func slowlySigned(name, ip string) (req *http.Request, read <-chan struct{}, end func()) {
	body, feed := io.Pipe()
	started := make(chan struct{})
	var once sync.Once
	req = from(ip, httptest.NewRequest(http.MethodPost, "/webhooks/"+name, readerFunc(func(p []byte) (int, error) {
		once.Do(func() { close(started) })
		return body.Read(p)
	})))
	req.Header.Set("X-Hub-Signature-256", "sha256=00")
	req.ContentLength = -1
	return req, started, func() { _ = feed.Close() }
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// besieged has strangers of these addresses give their bodies slowly, to the source signed and to one that is not configured.
func besieged(t *testing.T, h http.Handler, addresses ...string) (lift func()) {
	t.Helper()
	var held sync.WaitGroup
	var ends []func()
	for i, ip := range addresses {
		req, read, end := slowlySigned([]string{"signed", "nobody"}[i%2], ip)
		ends = append(ends, end)
		held.Go(func() { h.ServeHTTP(httptest.NewRecorder(), req) })
		<-read
	}
	return func() {
		for _, end := range ends {
			end()
		}
		held.Wait()
	}
}

func answered(h http.Handler, req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// Who is not known yet takes no place from who is.
func TestStrangersWhoSendSlowlyHoldUpNoKnownSender(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Sources = signedOnly{r.opts.Sources}
	r.opts.Limits = func() Limits { return Limits{InFlight: 4, Unproven: 8} }
	h := r.handler(t)
	lift := besieged(t, h, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8")
	defer lift()
	if w := answered(h, webhookRequest("apify", succeeded(t))); w.Code != http.StatusOK {
		t.Errorf("a sender with a token: %d %s", w.Code, w.Body)
	}
	w := answered(h, signedRequest("{}"))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(r.log.String(), errCrowd.Error()) {
		t.Errorf("a ninth body whose sender is not known yet: %d %s", w.Code, w.Body)
	}
	lift()
	if w := answered(h, signedRequest("{}")); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

// One address, of IPv6 one network, gets a quarter of the places.
func TestOneStrangerLeavesRoomForSignedSenders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Sources = signedOnly{r.opts.Sources}
	r.opts.Limits = func() Limits { return Limits{Unproven: 8} }
	h := r.handler(t)
	defer besieged(t, h, "2001:db8::1", "2001:db8::2")()
	for ip, want := range map[string]int{"2001:db8::3": 503, "2001:db8:0:1::1": 200, "192.0.2.1": 200} {
		if w := answered(h, from(ip, signedRequest("{}"))); w.Code != want {
			t.Errorf("from %s: %d, want %d", ip, w.Code, want)
		}
	}
}

// A signed sender who is known counts among those under way like any other, and no longer among the strangers.
func TestAProvenSenderIsNoStrangerAnyMore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Limits = func() Limits { return Limits{InFlight: 1, Unproven: 1} }
	entered, leave := make(chan struct{}), make(chan struct{})
	r.opts.Gate = waitingGate(entered, leave)
	h := r.handler(t)
	var held sync.WaitGroup
	held.Go(func() { h.ServeHTTP(httptest.NewRecorder(), signedRequest("{}")) })
	<-entered
	if w := answered(h, signedRequest("{}")); w.Code != http.StatusServiceUnavailable || strings.Contains(r.log.String(), errCrowd.Error()) {
		t.Errorf("a second one: %d %s", w.Code, w.Body)
	}
	close(leave)
	held.Wait()
}

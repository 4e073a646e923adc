package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/quota"
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

// givingFirst is a request that shows a wrong signature and gives so many bytes of its body; the rest comes when the test lets
// it. It tells when they were read and counted.
func givingFirst(n int, ip string) (req *http.Request, counted <-chan struct{}, end func()) {
	given, rest := make(chan struct{}), make(chan struct{})
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", n)), readerFunc(func([]byte) (int, error) {
		close(given)
		<-rest
		return 0, io.EOF
	}))
	req = from(ip, httptest.NewRequest(http.MethodPost, "/webhooks/signed", body))
	req.Header.Set("X-Hub-Signature-256", "sha256=00")
	return req, given, func() { close(rest) }
}

// What strangers send takes no more memory than a few of the largest bodies, however many of them send. Small bodies come
// through beside them.
func TestWhatStrangersSendTakesBoundedMemory(t *testing.T) {
	t.Parallel()
	const most = 256 << 10 // as in the rig
	r := newRig(t)
	r.opts.Limits = func() Limits { return Limits{Unproven: 256} }
	h := r.handler(t)
	want := func(who, ip string, large, small int) {
		t.Helper()
		for size, want := range map[int]int{most: large, 10: small} {
			if w := answered(h, from(ip, signedRequest(strings.Repeat("x", size)))); w.Code != want {
				t.Errorf("%s, %d bytes: %d %s, want %d", who, size, w.Code, w.Body, want)
			}
		}
	}
	var held sync.WaitGroup
	var ends []func()
	for i := range largestBodies {
		req, counted, end := givingFirst(most, "192.0.2."+strconv.Itoa(i%addressesShare))
		ends = append(ends, end)
		held.Go(func() { h.ServeHTTP(httptest.NewRecorder(), req) })
		<-counted
		if i == largestBodies-addressesShare { // the first address has given all it may
			want("the address that has given most", "192.0.2.0", http.StatusServiceUnavailable, http.StatusOK)
			want("another one", "192.0.2.9", http.StatusOK, http.StatusOK)
		}
	}
	want("one more address", "192.0.2.9", http.StatusServiceUnavailable, http.StatusOK)
	if !strings.Contains(r.log.String(), errCrowd.Error()) {
		t.Errorf("the log does not say why: %s", r.log)
	}
	if w := answered(h, webhookRequest("apify", strings.Repeat("x", most))); w.Code != http.StatusOK {
		t.Errorf("a sender with a token: %d %s", w.Code, w.Body)
	}
	for _, end := range ends {
		end()
	}
	held.Wait()
	want("the first address afterwards", "192.0.2.0", http.StatusOK, http.StatusOK)
}

// A body that ends before its signature can be checked is charged like a wrong signature.
func TestBodiesThatEndWithoutProofAreChargedToTheirAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   func() io.Reader
		length int64
		code   int
	}{
		"announced too large": {func() io.Reader { return strings.NewReader(strings.Repeat("x", 300<<10)) }, 300 << 10, 413},
		"too large in chunks": {func() io.Reader { return strings.NewReader(strings.Repeat("x", 300<<10)) }, -1, 413},
		"broken off":          {func() io.Reader { return failingBody{io.ErrUnexpectedEOF} }, 100, 400},
		"too slow":            {func() io.Reader { return failingBody{os.ErrDeadlineExceeded} }, 100, 408},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.opts.Sources = signedOnly{r.opts.Sources}
			r.opts.Limits = func() Limits { return Limits{FailedAuth: quota.Quota{Count: 2, Per: time.Hour}} }
			h := r.handler(t)
			for i, want := range []int{c.code, c.code, http.StatusTooManyRequests} {
				req := from("192.0.2.1", httptest.NewRequest(http.MethodPost, "/webhooks/"+[]string{"signed", "nobody", "signed"}[i], c.body()))
				req.Header.Set("X-Hub-Signature-256", "sha256=00")
				req.ContentLength = c.length
				if w := answered(h, req); w.Code != want {
					t.Errorf("body %d: %d %s, want %d", i+1, w.Code, w.Body, want)
				}
			}
			if w := answered(h, from("192.0.2.1", signedRequest("{}"))); w.Code != http.StatusOK {
				t.Errorf("a right signature from the same address: %d %s", w.Code, w.Body)
			}
			if w := answered(h, from("192.0.2.1", httptest.NewRequest(http.MethodPost, "/webhooks/apify?token=wrong", nil))); w.Code != http.StatusTooManyRequests {
				t.Errorf("a wrong token from the same address: %d %s", w.Code, w.Body)
			}
		})
	}
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

// Who finds no place is turned away each time, and logged no more often than failures are: a stranger does not fill the disk. He
// is charged nothing, since he may sign rightly.
func TestStrangersWhoFindNoPlaceDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Sources = signedOnly{r.opts.Sources}
	r.opts.Limits = func() Limits { return Limits{Unproven: 4, FailedAuth: quota.Quota{Count: 2, Per: time.Hour}} }
	h := r.handler(t)
	lift := besieged(t, h, "192.0.2.1")
	for range 5 {
		if w := answered(h, from("192.0.2.1", signedRequest("{}"))); w.Code != http.StatusServiceUnavailable {
			t.Errorf("no place: %d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(r.log.String(), errCrowd.Error()); n != 2 {
		t.Errorf("%d lines in the log, want 2: %s", n, r.log)
	}
	lift()
	if w := answered(h, from("192.0.2.1", httptest.NewRequest(http.MethodPost, "/webhooks/apify?token=wrong", nil))); w.Code != http.StatusUnauthorized {
		t.Errorf("a first wrong token from the same address: %d %s", w.Code, w.Body)
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

package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// plan is a small one against a handler.
func plan(t *testing.T, h http.HandlerFunc) Plan {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return Plan{
		Target: Target{Addr: server.Listener.Addr().String(), Path: "/webhooks/apify?token=t"},
		Body:   smallBody, Connections: 8, Pick: From(0), Requests: 500,
	}
}

func TestRunTellsEveryEventOnceAndCountsAnswers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	dispatches := map[string]int{}
	p := plan(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		dispatches[r.Header.Get("X-Apify-Webhook-Dispatch-Id")]++
		if len(dispatches)%5 == 0 {
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("X-Dedup-Outcome", "new; reason=first_seen")
	})
	got, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(dispatches) != 500 {
		t.Errorf("%d different events were told, want 500", len(dispatches))
	}
	if got.Answered() != 400 || got.Statuses[503] != 100 || got.Outcomes["new; reason=first_seen"] != 400 || got.Failed != 0 {
		t.Errorf("answers %v, outcomes %v, failed %d", got.Statuses, got.Outcomes, got.Failed)
	}
	if got.Latency.Count() != 500 || got.Rate() <= 0 {
		t.Errorf("%d latencies, rate %v", got.Latency.Count(), got.Rate())
	}
}

func TestRunAtARateSendsAtThatRate(t *testing.T) {
	t.Parallel()
	p := plan(t, func(http.ResponseWriter, *http.Request) {})
	p.Rate, p.Duration, p.Requests = 1000, 200*time.Millisecond, 0
	got, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.Answered() != 200 {
		t.Errorf("%d requests in 200 ms at 1000/s, want 200", got.Answered())
	}
}

func TestLatencyCountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	start := time.Now().Add(-time.Hour)
	r := &run{plan: Plan{Rate: 10, Requests: 100}, start: start}
	for want := range uint64(3) {
		n, due, ok := r.turn(t.Context())
		if !ok || n != want || !due.Equal(start.Add(time.Duration(want)*100*time.Millisecond)) {
			t.Errorf("turn %d: number %d, due %v after the start, %v", want, n, due.Sub(start), ok)
		}
	}
}

func TestRunCountsRequestsWithoutAnAnswerAndGoesOn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := 0
	p := plan(t, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if seen++; seen%100 == 0 {
			panic(http.ErrAbortHandler)
		}
	})
	got, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.Failed != 5 || got.Answered() != 495 || got.LastFailure == nil {
		t.Errorf("%d failed (%v), %d answered; want 5 and 495", got.Failed, got.LastFailure, got.Answered())
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p := plan(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that a client is gone
		cancel()
		<-r.Context().Done()
	})
	if _, err := Run(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestRunNeedsAServerAndABound(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := listener.Addr().String()
	if err = listener.Close(); err != nil {
		t.Fatal(err)
	}
	good := Plan{Target: Target{Addr: gone}, Connections: 1, Pick: From(0), Requests: 1}
	if _, err = Run(t.Context(), good); err == nil {
		t.Error("a server that is not there was called")
	}
	for name, spoil := range map[string]func(*Plan){
		"connections": func(p *Plan) { p.Connections = 0 },
		"pick":        func(p *Plan) { p.Pick = nil },
		"bound":       func(p *Plan) { p.Requests = 0 },
		"rate":        func(p *Plan) { p.Rate = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err = Run(t.Context(), bad); err == nil || strings.Contains(err.Error(), "connect:") {
			t.Errorf("a plan without good %s: error %v", name, err)
		}
	}
}

func TestParseReadsAnAnswerThatComesInPieces(t *testing.T) {
	t.Parallel()
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Dedup-Outcome: duplicate; reason=window_hit\r\n\r\n{\"a\"}"
	head := strings.Index(whole, "\r\n\r\n") + 4
	for have := range len(whole) + 1 {
		a, size, err := parse([]byte(whole[:have]))
		switch {
		case err != nil:
			t.Errorf("%d bytes: %v", have, err)
		case have < head && size != 0:
			t.Errorf("%d bytes: a size of %d from half a head", have, size)
		case have >= head && (size != len(whole) || a.status != 200 || string(a.outcome) != "duplicate; reason=window_hit"):
			t.Errorf("%d bytes: size %d, status %d, outcome %q", have, size, a.status, a.outcome)
		}
	}
	for _, bad := range []string{
		"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "X\r\n\r\n",
	} {
		if _, _, err := parse([]byte(bad)); !errors.Is(err, errNotUnderstood) {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	c := &client{addr: server.Listener.Addr().String()}
	if err := c.connect(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer c.close()
	req := newRequest(Target{Addr: c.addr, Path: "/"}, smallBody)
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		req.tell(n)
		if _, err := c.exchange(req.bytes); err != nil {
			b.Fatal(err)
		}
	}
}

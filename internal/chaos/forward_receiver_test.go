package chaos

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// arrival is one request that a receiver has got, whatever became of its answer.
type arrival struct {
	destination string
	gateway     string
	eventID     string // webhook-id
	runID       string
	attempt     string
	body        string
}

// receiver is where gateways hand events on to. Every destination has a path of its own.
type receiver struct {
	url string
	// onArrival is called with the number of each request, counted from 1, before it is answered; nil: nobody is told.
	onArrival func(n int, a arrival)

	mu       sync.Mutex
	arrivals []arrival
	answered map[string]int           // by destination
	gates    map[string]chan struct{} // by destination: no answer before it is closed
}

// newReceiver starts a receiver. It does not answer the destinations in held until it is told to.
func newReceiver(t *testing.T, onArrival func(int, arrival), held ...string) *receiver {
	t.Helper()
	r := &receiver{onArrival: onArrival, answered: map[string]int{}, gates: map[string]chan struct{}{}}
	for _, name := range held {
		r.gates[name] = make(chan struct{})
	}
	server := httptest.NewServer(r)
	r.url = server.URL
	t.Cleanup(func() {
		for _, name := range held {
			r.answer(name)
		}
		server.Close()
	})
	return r
}

// ServeHTTP takes an event.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the gateway died while it was sending: nothing has arrived
	}
	h := req.Header
	a := arrival{
		destination: strings.TrimPrefix(req.URL.Path, "/"), gateway: h.Get("X-Gateway"), eventID: h.Get("Webhook-Id"),
		runID: h.Get("X-Dedup-Run-Id"), attempt: h.Get("X-Dedup-Attempt"), body: string(body),
	}
	r.mu.Lock()
	r.arrivals = append(r.arrivals, a)
	n, gate := len(r.arrivals), r.gates[a.destination]
	r.mu.Unlock()
	if r.onArrival != nil {
		r.onArrival(n, a)
	}
	if gate != nil {
		<-gate
	}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	r.mu.Lock()
	r.answered[a.destination]++
	r.mu.Unlock()
}

// answer lets a destination's requests be answered, those that wait and those to come.
func (r *receiver) answer(destination string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if gate := r.gates[destination]; gate != nil {
		close(gate)
		delete(r.gates, destination)
	}
}

func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.arrivals...)
}

func (r *receiver) waitForArrivals(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if got := len(r.all()); got != n {
			return fmt.Errorf("%d requests have arrived, want %d", got, n)
		}
		return nil
	})
}

func (r *receiver) waitForAnswers(t *testing.T, destination string, n int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if got := r.answered[destination]; got != n {
			return fmt.Errorf("%d requests to %s are answered, want %d", got, destination, n)
		}
		return nil
	})
}

const signingSecret = "whsec_Y2hhb3MtY2hhb3MtY2hhb3MtY2hhb3MtY2hhb3M="

// destinedTo is a destination of a gateway in YAML; more are further keys in flow style, each behind a comma.
func (r *receiver) destinedTo(name, gatewayName, more string) string {
	return fmt.Sprintf("  - {name: %s, url: %q, secret: %q, timeout: 2m, headers: [{name: X-Gateway, value: %s}], "+
		"allow_http: true, allow_private_cidrs: [127.0.0.0/8]%s}\n", name, r.url+"/"+name, signingSecret, gatewayName, more)
}

// handed is what a receiver has got of one event for one destination.
type handed struct{ destination, runID string }

// check compares what has arrived with what was sent, and gives the number of arrivals of each event at each destination.
func (r *receiver) check(t *testing.T, sent map[string]told) map[handed]int {
	t.Helper()
	times := map[handed]int{}
	for _, a := range r.all() {
		times[handed{a.destination, a.runID}]++
		switch event, known := sent[a.runID]; {
		case !known:
			t.Errorf("an event of run %q has arrived, and nobody sent it", a.runID)
		case a.eventID != event.id:
			t.Errorf("run %s: attempt %s to %s has the webhook-id %s, the sender was told %s", a.runID, a.attempt, a.destination, a.eventID, event.id)
		case a.body != string(event.body):
			t.Errorf("run %s: attempt %s to %s\ngot  %q\nsent %q", a.runID, a.attempt, a.destination, a.body, event.body)
		}
	}
	return times
}

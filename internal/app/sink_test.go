package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// delivered is one request that a sink has got.
type delivered struct {
	Header http.Header
	Body   []byte
}

// sink is an application that events are handed to.
type sink struct {
	URL    string
	status atomic.Int64 // of its answers

	mu  sync.Mutex
	got []delivered
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	s.status.Store(http.StatusNoContent)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, delivered{r.Header.Clone(), body})
		s.mu.Unlock()
		w.WriteHeader(int(s.status.Load()))
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/hook"
	return s
}

func (s *sink) all() []delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivered(nil), s.got...)
}

// waitFor waits until the sink has got n requests and gives them.
func (s *sink) waitFor(t *testing.T, n int) []delivered {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if got := len(s.all()); got < n {
			return fmt.Errorf("%d of %d requests", got, n)
		}
		return nil
	})
	return s.all()
}

const signingSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

// destinedTo is a destination in YAML; more are further keys in flow style, each behind a comma.
func destinedTo(name string, s *sink, more string) string {
	return fmt.Sprintf("  - {name: %s, url: %q, secret: %q, allow_http: true, allow_private_cidrs: [127.0.0.0/8]%s}\n", name, s.URL, signingSecret, more)
}

// post asks the admin API for a change and wants the status.
func (r *running) post(path string, body any, want int, into any) {
	r.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.app.AdminAddr()+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := sender.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		r.t.Fatalf("POST %s: %d %s %v, want %d", path, res.StatusCode, text, err, want)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		r.t.Fatal(err)
	}
}

// reasoned is the body of a change with its reason.
func reasoned(more map[string]any) map[string]any {
	body := map[string]any{"reason": "the test wants it"}
	maps.Copy(body, more)
	return body
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/samples"
)

const sourceSecret = "dg_the-secret-in-the-url"

// webhookServer keeps what it gets and answers like a gateway: first new, then duplicate.
type webhookServer struct {
	url string
	mu  sync.Mutex
	got []received
}

type received struct {
	body   string
	header http.Header
}

func newWebhookServer(t *testing.T) *webhookServer {
	t.Helper()
	s := &webhookServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Query().Get("token") != sourceSecret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"status":"error","error":"unauthorized","message":"Unknown source`+`"}`)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, received{string(body), r.Header})
		if len(s.got) == 1 {
			w.Header().Set("X-Dedup-Outcome", "new; reason=first_seen")
			_, _ = io.WriteString(w, `{"status":"accepted","outcome":"new","run_id":null,"event_id":"e1","receipt_id":"r1"}`)
			return
		}
		w.Header().Set("X-Dedup-Outcome", "duplicate; reason=window_hit")
		fmt.Fprintf(w, `{"status":"duplicate","outcome":"duplicate","message":"Webhook already processed","event_id":"e1","first_seen_at":%q}`, seenAt.Format(time.RFC3339Nano))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/webhooks/apify?token=" + sourceSecret
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()
	t.Run("lists the samples with their remarks", func(t *testing.T) {
		t.Parallel()
		r := execute(t, "", "send", "--list")
		for _, s := range samples.All() {
			r.expect(t, 0, s.Name, s.Remark)
		}
		execute(t, "", "send", "--list", "--json").expect(t, 0, `"name":"created"`)
	})
	t.Run("a sample goes out as Apify sends it", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "succeeded_first_attempt", "--url", s.url, "--times", "3").expect(t, 0,
			"200 new; reason=first_seen, event e1\n", "200 duplicate; reason=window_hit, event e1, first seen "+localMillis(seenAt), "    Webhook already processed")
		sample, _ := samples.Get("succeeded_first_attempt")
		if len(s.got) != 3 {
			t.Fatalf("%d requests", len(s.got))
		}
		for _, got := range s.got {
			if got.body != string(sample.Compact()) {
				t.Error("another body")
			}
			for name := range sample.Headers {
				if got.header.Get(name) != sample.Headers.Get(name) {
					t.Errorf("%s: %q", name, got.header.Get(name))
				}
			}
		}
	})
	t.Run("headers can be set and taken away", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "created", "--url", s.url, "-H", "X-Mine: a, b: c", "-H", "X-Apify-Webhook:", "--dispatch-id", "mine", "--json").expect(t, 0,
			`"status_code":200`, `"x_dedup_outcome":"new; reason=first_seen"`, `"event_id":"e1"`)
		h := s.got[0].header
		if h.Get("X-Mine") != "a, b: c" || h.Get(dispatchHeader) != "mine" || h.Values("X-Apify-Webhook") != nil {
			t.Error(h)
		}
	})
	t.Run("a file or standard input gets a dispatch id of its own", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		path := filepath.Join(t.TempDir(), "body.json")
		if err := os.WriteFile(path, []byte(` {"a": 1} `), 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, "", "send", path, "--url", s.url, "--times", "2").expect(t, 0)
		execute(t, "piped", "send", "-", "--url", s.url).expect(t, 0)
		if s.got[0].body != ` {"a": 1} ` || s.got[2].body != "piped" {
			t.Error(s.got)
		}
		first, again, piped := s.got[0].header.Get(dispatchHeader), s.got[1].header.Get(dispatchHeader), s.got[2].header.Get(dispatchHeader)
		if len(first) != 17 || first != again || first == piped {
			t.Error(first, again, piped)
		}
	})
	t.Run("a token that a local gateway keeps is found", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, keptWebhookSecret), []byte("a b&c\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		address, from, err := (&webhookFlags{}).webhook(&dataDirFlag{DataDir: dir})
		if address != defaultWebhook+"?token=a+b%26c" || from != filepath.Join(dir, keptWebhookSecret) || err != nil {
			t.Error(address, from, err)
		}
	})
	t.Run("a wrong token exits 1 and says which", func(t *testing.T) {
		t.Parallel()
		s := newWebhookServer(t)
		execute(t, "", "send", "created", "--url", strings.Split(s.url, "?")[0]).expect(t, 1, "401", "Unknown source", "The token in --url is missing")
	})
	t.Run("a refused connection asks whether the gateway runs", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "send", "created", "--url", refusedAddress+"/webhooks/apify?token="+sourceSecret).expect(t, 1, "connection refused", "is the gateway running?")
	})
	t.Run("an answer that is no gateway's is shown, made safe", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "no"+hostile)
		}))
		t.Cleanup(server.Close)
		execute(t, "", "send", "created", "--url", server.URL).expect(t, 1, `418 no\x1b]0;owned\a`)
		execute(t, "", "send", "created", "--url", server.URL, "--json").expect(t, 1, `"answer_text":"no\u001b]0;owned`)
	})
	t.Run("mistakes are told", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "send").expect(t, 1, "--list shows the samples")
		execute(t, "", "send", "no-such-thing").expect(t, 1, `"no-such-thing" is neither a sample nor a file`)
		execute(t, "", "send", "created", "-H", "nonsense").expect(t, 1, "Name: value")
		execute(t, "", "send", "created", "--url", "localhost:8080/"+sourceSecret).expect(t, 1, "--url is not a URL")
	})
}

package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// ask reads an answer of the admin API.
func ask[T any](r *running, method, path, body string) (v T, status int) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.app.AdminAddr()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := sender.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, &v); err != nil {
			r.t.Fatalf("%s: %v: %s", path, err, data)
		}
	}
	return v, res.StatusCode
}

// sendSample sends the same webhook each time.
func (r *running) sendSample() answer {
	r.t.Helper()
	s, ok := samples.Get("succeeded")
	if !ok {
		r.t.Fatal("no sample succeeded")
	}
	return r.send(s.Headers, s.Compact())
}

// startAlone boots a gateway that was given no source and makes its own token.
func startAlone(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	return startIn(t, dir, fmt.Sprintf("data_dir: %q\nhttp: {listen: \"127.0.0.1:0\"}\nadmin: {listen: \"127.0.0.1:0\", token: %q}\n",
		filepath.Join(dir, "data"), adminToken))
}

func TestAFreshGatewayCanBeTriedFromTheDashboard(t *testing.T) {
	t.Parallel()
	r := startAlone(t)
	status, _ := ask[view.Status](r, http.MethodGet, "/status", "")
	if !status.Embedded || status.Receipts || !status.Database.Up || status.Database.Kind != "sqlite" || status.Redis.Kind != "embedded" || !status.Redis.Up {
		t.Errorf("%+v", status)
	}
	connect, _ := ask[view.Connect](r, http.MethodGet, "/connect", "")
	if !strings.HasPrefix(connect.WebhookURL, status.PublicURL+"/webhooks/apify?token=dg_") {
		t.Errorf("%+v", connect)
	}
	first, _ := ask[view.SentSample](r, http.MethodPost, "/send-sample", `{}`)
	again, _ := ask[view.SentSample](r, http.MethodPost, "/send-sample", `{"again":true}`)
	other, _ := ask[view.SentSample](r, http.MethodPost, "/send-sample", `{}`)
	if first.Status != 200 || first.Outcome != "new" || again.Outcome != "duplicate" || again.EventID != first.EventID || other.Outcome != "new" ||
		other.RunID == first.RunID || len(other.RunID) != 17 {
		t.Errorf("%+v\n%+v\n%+v", first, again, other)
	}
	token := connect.WebhookURL[strings.Index(connect.WebhookURL, "token=")+6:]
	if strings.Contains(r.logs.Text(), token) {
		t.Error("the log has the token")
	}
	o, _ := ask[view.Overview](r, http.MethodGet, "/overview?since=15m", "")
	if o.Receipts != 3 || o.Duplicates != 1 || o.LetThrough != 2 || o.Repeats["retry"] != 1 || o.StepSeconds != 60 {
		t.Errorf("%+v", o)
	}
	if o.Latency.Answers != 3 || o.Latency.P99Millis < o.Latency.P50Millis || o.Latency.P50Millis <= 0 || !strings.Contains(o.Latency.Scope, "this process") {
		t.Errorf("%+v", o.Latency)
	}
	if status, _ = ask[view.Status](r, http.MethodGet, "/status", ""); !status.Receipts {
		t.Error("nothing was received")
	}
	testkit.Eventually(t, 30*time.Second, func() error {
		if top, _ := ask[view.Top](r, http.MethodGet, "/top?by=run", ""); len(top.Items) != 1 || top.Items[0].Name != first.RunID || top.Items[0].Count != 1 {
			return fmt.Errorf("tops: %+v", top)
		}
		return nil
	})
}

func TestAConfiguredGatewayGivesNoTokenAway(t *testing.T) {
	t.Parallel()
	r := start(t, "")
	if _, status := ask[view.Connect](r, http.MethodGet, "/connect", ""); status != http.StatusNotFound {
		t.Errorf("connect: %d", status)
	}
	if _, status := ask[view.SentSample](r, http.MethodPost, "/send-sample", `{}`); status != http.StatusConflict {
		t.Errorf("send-sample: %d", status)
	}
	c, _ := ask[view.ConfigState](r, http.MethodGet, "/config", "")
	if strings.Contains(c.YAML, testToken) || strings.Contains(c.YAML, adminToken) || !strings.Contains(c.YAML, "***") || c.Path != r.path || c.Since.IsZero() {
		t.Errorf("%+v", c)
	}
	list, _ := ask[view.SourceList](r, http.MethodGet, "/sources", "")
	if len(list.Items) != 1 {
		t.Fatalf("%+v", list)
	}
	s := list.Items[0]
	if !strings.HasSuffix(s.WebhookURL, "/webhooks/apify") || !strings.Contains(s.Headers, "Bearer <token>") || s.Tokens != 1 || s.LastSeenAt != nil || !s.Configured {
		t.Errorf("%+v", s)
	}
}

// The dashboard and the command line say the same of a window, on both kinds of stores, and what they say can be set.
func TestWindowsAreAdvisedAndCanBeSet(t *testing.T) {
	t.Parallel()
	for name, extra := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, extra(t))
			for range 3 {
				if a := r.sendSample(); a.Code != http.StatusOK {
					t.Fatal(a)
				}
			}
			var w view.WindowAdvice
			testkit.Eventually(t, 20*time.Second, func() error {
				var status int
				w, status = ask[view.WindowAdvice](r, http.MethodGet, "/ttl/apify?window=36h", "")
				if status != http.StatusOK || w.Repeats != 2 {
					return fmt.Errorf("%d, %d repeats", status, w.Repeats)
				}
				return nil
			})
			if w.Setting.Window != "3d" || w.Setting.Key != "dedup.window" || w.Setting.Own || len(w.Schedule) != 11 || len(w.Histogram) == 0 || w.Chosen == nil {
				t.Fatalf("%+v", w)
			}
			if live := w.Cost.BytesMeasured == "live" && w.Cost.KeysMeasured == 1; live != (name == "production") || w.Cost.BytesPerKey < 150 || w.Cost.EventsPerSecond <= 0 {
				t.Errorf("%+v", w.Cost)
			}
			if w.WatchedMillis <= 0 || w.WatchForMillis != (72*time.Hour).Milliseconds() || w.Suggested != "" {
				t.Errorf("a gateway that has just begun: %+v", w.WindowSummary)
			}
			if w.Chosen.Caught != 1 || strings.Contains(w.Chosen.YAML, testToken) {
				t.Errorf("%+v", w.Chosen)
			}
			path := filepath.Join(t.TempDir(), "pasted.yaml")
			base := "data_dir: ./x\n" + extraOf(w.Chosen.YAML, name)
			if err := os.WriteFile(path, []byte(base), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(path, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, base)
			}
			if window, _ := cfg.Window(cfg.Sources[0], ""); window != 36*time.Hour {
				t.Errorf("pasted, the window is %v", window)
			}
			if _, status := ask[view.WindowAdvice](r, http.MethodGet, "/ttl/nobody", ""); status != http.StatusNotFound {
				t.Errorf("of nobody: %d", status)
			}
			list, _ := ask[struct{ Items []view.WindowSummary }](r, http.MethodGet, "/ttl", "")
			if len(list.Items) != 2 || list.Items[0].Type != "" || list.Items[1].Type != "ACTOR.RUN.SUCCEEDED" {
				t.Errorf("%+v", list)
			}
		})
	}
}

// extraOf is the block with the stores that the sources go with.
func extraOf(block, stores string) string {
	if stores == "production" {
		return block + "database: {url: \"postgres://u@h:5432/d\"}\nredis: {mode: single, addresses: [\"h:6379\"]}\n"
	}
	return block
}

func TestSinceWhenAWindowIsInForce(t *testing.T) {
	t.Parallel()
	r := start(t, "dedup: {window: 2d}\n")
	before, _ := ask[view.WindowAdvice](r, http.MethodGet, "/ttl/apify", "")
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.configure(strings.Replace(string(text), "window: 2d", "window: 5d", 1))
	testkit.Eventually(t, 20*time.Second, func() error {
		after, _ := ask[view.WindowAdvice](r, http.MethodGet, "/ttl/apify", "")
		if after.Setting.Window != "5d" {
			return errors.New("not reloaded yet")
		}
		if !after.Setting.Since.After(before.Setting.Since) {
			t.Errorf("in force since %v, before since %v", after.Setting.Since, before.Setting.Since)
		}
		return nil
	})
}

// tail opens the stream of receipts; the function reads on until it has told all of the texts, and gives all it has read.
func (r *running) tail() (until func(texts ...string) string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	r.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.app.AdminAddr()+"/api/v1/stream", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = res.Body.Close() })
	var got strings.Builder
	buf := make([]byte, 4096)
	return func(texts ...string) string {
		r.t.Helper()
		for slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(got.String(), text) }) {
			n, err := res.Body.Read(buf)
			got.Write(buf[:n])
			if err != nil {
				r.t.Fatalf("%v after %s", err, got.String())
			}
		}
		return got.String()
	}
}

func TestWhatComesInIsStreamed(t *testing.T) {
	t.Parallel()
	for name, extra := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, extra(t))
			until := r.tail()
			for range 2 {
				r.sendSample()
			}
			if got := until(`"reason":"first_seen"`, `"reason":"window_hit"`); !strings.Contains(got, "event: receipts\nid: ") || !strings.Contains(got, `"actor_id":"`) {
				t.Errorf("%s", got)
			}
			begun := time.Now() // a gateway that stops doesn't wait for those who listen
			if err := r.stop(); err != nil || time.Since(begun) > 15*time.Second {
				t.Errorf("stopped after %v: %v", time.Since(begun), err)
			}
		})
	}
}

func TestTheStreamTellsOfAllReplicasAndBeginsWithTheLatest(t *testing.T) {
	t.Parallel()
	shared := stores(t)["production"](t)
	here, there := start(t, shared), start(t, shared)
	until := here.tail()
	for range 2 { // the second is told by Redis, and drained by either
		there.sendSample()
	}
	until(`"reason":"first_seen"`, `"reason":"window_hit"`)
	got := there.tail()("event: latest", `"reason":"window_hit"`)
	if before, _, _ := strings.Cut(got, "event: receipts"); !strings.Contains(before, `"reason":"window_hit"`) {
		t.Errorf("what came before is told as new: %s", got)
	}
}

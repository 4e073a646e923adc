package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

// replay asks for a replay and returns the status and what was answered.
func (r *running) replay(id string) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost,
		"http://"+r.app.AdminAddr()+"/api/v1/quarantine/"+id+"/replay", strings.NewReader(`{"reason":"template corrected"}`))
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
	var told map[string]any
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, told
}

// items are those of a listing's first page.
func items[T any](r *running, path string) []T {
	r.t.Helper()
	var page view.Page[T]
	r.api(path, &page)
	return page.Items
}

func (r *running) quarantine() []view.Quarantined {
	r.t.Helper()
	return items[view.Quarantined](r, "/quarantine")
}

func TestWhatCantBeReadIsKeptAndReplayed(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stores := config(t)
			yaml := func(identity string) string {
				return fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}], identity: {without_generation: %s}}]
%s`, filepath.Join(dir, "data"), adminToken, testToken, identity, stores)
			}
			r := startIn(t, dir, yaml("dispatch"))

			// An end without a time and without a dispatch id: nothing tells it from the run's next end.
			body := []byte(`{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorRunId":"ojue2pKvaKRjkewuJ"},"text":"\u0000 kept"}`)
			for range 2 {
				if a := r.send(nil, body); a.Code != http.StatusOK || a.Status != "quarantined" || a.RunID != nil || a.Message == "" {
					t.Fatalf("answered %d %s, run %v, message %q", a.Code, a.Status, a.RunID, a.Message)
				}
			}
			kept := r.quarantine()
			if len(kept) != 1 || kept[0].Hits != 2 || kept[0].Reason != "no_identity" {
				t.Fatalf("quarantine holds %+v, want one row with two hits", kept)
			}
			var stored []byte
			if r.api("/quarantine/"+kept[0].ID+"/body", &stored); !bytes.Equal(stored, body) {
				t.Errorf("kept %q", stored)
			}

			if status, told := r.replay(kept[0].ID); status != http.StatusOK || told["outcome"] != "quarantined" {
				t.Errorf("replayed before anything was mended: %d %v", status, told)
			}
			r.configure(yaml("single"))
			testkit.Eventually(t, 10*time.Second, func() error {
				if len(r.logs.With("configuration reloaded")) == 0 {
					return fmt.Errorf("not reloaded yet")
				}
				return nil
			})
			if status, told := r.replay(kept[0].ID); status != http.StatusOK || told["outcome"] != "new" {
				t.Fatalf("replayed after the rule was changed: %d %v", status, told)
			}
			if status, told := r.replay(kept[0].ID); status != http.StatusConflict {
				t.Errorf("replayed twice: %d %v", status, told)
			}
			var line view.Timeline
			if r.api("/runs/ojue2pKvaKRjkewuJ", &line); line.Run.Status != "SUCCEEDED" || len(line.Receipts) != 1 || line.Receipts[0].Via != "quarantine" {
				t.Errorf("the run shows %s with receipts %+v", line.Run.Status, line.Receipts)
			}
			r.checkBooks(map[string]int64{"quarantined": 3, "new": 1})
		})
	}
}

func TestAnOversizeBodyIsRefusedAndItsStartKept(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startIn(t, t.TempDir(), fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0", max_body: 100KiB}
admin: {listen: "127.0.0.1:0", token: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
%s`, filepath.Join(t.TempDir(), "data"), adminToken, testToken, config(t)))
			body := []byte(`{"x":"` + strings.Repeat("a", 200<<10) + `"}`)
			if a := r.send(nil, body); a.Code != http.StatusRequestEntityTooLarge || a.Status != "error" {
				t.Fatalf("answered %d %s", a.Code, a.Status)
			}
			kept := r.quarantine()
			if len(kept) != 1 || !kept[0].Truncated || kept[0].BodyBytes != int64(len(body)) || kept[0].Reason != "too_large" {
				t.Fatalf("quarantine holds %+v", kept)
			}
			var stored []byte
			if r.api("/quarantine/"+kept[0].ID+"/body", &stored); !bytes.Equal(stored, body[:64<<10]) {
				t.Errorf("%d bytes are kept, want the first 64 KiB", len(stored))
			}
			if status, told := r.replay(kept[0].ID); status != http.StatusConflict {
				t.Errorf("a cut body was replayed: %d %v", status, told)
			}
			var stats view.Stats
			if r.api("/stats", &stats); stats.Receipts != 0 {
				t.Errorf("a refused request has a receipt")
			}
		})
	}
}

// Who sends nothing but bodies over the limit is charged like who sends events.
func TestOversizeBodiesOverTheRateAreToldToWait(t *testing.T) {
	t.Parallel()
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := startIn(t, dir, strings.Replace(guarded(dir, "source: 2/h", "{value: "+testToken+"}"),
				`http: {`, `http: {max_body: 100KiB, `, 1)+config(t))
			target := "/webhooks/apify?token=" + testToken
			for i, want := range []int{http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests} {
				code, header := r.webhook(target, nil, strings.Repeat(strconv.Itoa(i), 200<<10))
				if code != want || (header.Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
					t.Errorf("body %d: %d, Retry-After %q, want %d", i, code, header.Get("Retry-After"), want)
				}
			}
			if kept := r.quarantine(); len(kept) != 2 {
				t.Errorf("%d are kept, want 2", len(kept))
			}
			if code, _ := r.webhook(target, nil, event("run1")); code != http.StatusTooManyRequests {
				t.Errorf("an event of the same source: %d", code)
			}
		})
	}
}

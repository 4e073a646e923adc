package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestOneLineAWebhook(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	v := dedup.Verdict{
		Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonLedgerHit, Repeat: dedup.RepeatRetry,
		EventID: firstSeen.EventID, Degraded: true,
	}
	r.verdict(v)
	body := succeeded(t)
	w := r.post(t, body)
	lines := r.log.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	l := lines[0]
	for key, want := range map[string]any{
		"level": "INFO", "msg": "webhook", "source": "apify", "outcome": "duplicate", "reason": "ledger_hit", "repeat": "retry",
		"run_id": "ojue2pKvaKRjkewuJ", "event_type": "ACTOR.RUN.SUCCEEDED", "event_id": v.EventID.String(),
		"receipt_id": w.Header().Get("X-Request-ID"), "dispatch_id": "DtGy4pXcKbYw1ZqRs", "bytes": float64(len(body)),
		"status": 200.0, "degraded": true, "remote_ip": "192.0.2.1",
	} {
		if l[key] != want {
			t.Errorf("%s = %v, want %v", key, l[key], want)
		}
	}
	if ms, ok := l["duration_ms"].(float64); !ok || ms < 0 || ms > 60_000 {
		t.Errorf("duration_ms %v", l["duration_ms"])
	}
	if r.meter.inFlight != 0 || len(r.meter.receipts) != 1 || r.meter.receipts[0] != "apify duplicate ledger_hit" {
		t.Errorf("counted %v, in flight %d", r.meter.receipts, r.meter.inFlight)
	}
}

func TestAllOutcomesAreLoggedAtInfo(t *testing.T) {
	t.Parallel()
	for _, o := range dedup.Outcomes() {
		r := newRig(t)
		r.verdict(dedup.Verdict{Outcome: o, Reason: dedup.ReasonFirstSeen, QuarantineID: dedup.NewID(time.Now())})
		r.post(t, `{"eventType":"TEST"}`)
		if l := r.log.lines(t); len(l) != 1 || l[0]["level"] != "INFO" || l[0]["outcome"] != string(o) {
			t.Errorf("%s: %v", o, l)
		}
	}
}

// TestNothingSecretGetsOut sends a canary in every place a sender can write to and looks for it everywhere.
func TestNothingSecretGetsOut(t *testing.T) {
	t.Parallel()
	const canary = "CANARY7f3a9"
	for name, change := range map[string]func(*rig, *http.Request){
		"accepted":     func(*rig, *http.Request) {},
		"unauthorized": func(_ *rig, r *http.Request) { r.URL.RawQuery = "token=" + canary },
		"no source":    func(_ *rig, r *http.Request) { r.URL.Path = "/webhooks/" + canary },
		"no path":      func(_ *rig, r *http.Request) { r.URL.Path = "/" + canary },
		"wrong method": func(_ *rig, r *http.Request) { r.Method = http.MethodPut },
		"odd method":   func(_ *rig, r *http.Request) { r.Method = canary },
		"media type":   func(_ *rig, r *http.Request) { r.Header.Set("Content-Type", "text/"+canary) },
		"encoding":     func(_ *rig, r *http.Request) { r.Header.Set("Content-Encoding", canary) },
		"too large":    func(g *rig, _ *http.Request) { g.opts.MaxBody = func() int64 { return 8 } },
		"unavailable":  func(g *rig, _ *http.Request) { g.fails(dedup.ErrUnavailable) },
		"not json":     func(_ *rig, r *http.Request) { r.Header.Set("X-Apify-Webhook-Dispatch-Id", "{{"+canary+"}}") },
		"panic": func(g *rig, _ *http.Request) {
			g.opts.Gate = fakeGate(nil) // calling it panics
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			req := webhookRequest("apify", `{"eventType":"TEST","resource":{"statusMessage":"`+canary+`"}}`)
			req.URL.RawQuery += "&job=" + canary
			req.Header.Set("X-Secret", canary)
			req.Header.Set("Cookie", canary)
			change(r, req)
			w := r.send(t, req)
			places := map[string]string{
				"answer": w.Body.String(), "headers": fmt.Sprint(w.Header()), "log": r.log.String(),
				"metrics": fmt.Sprint(r.meter.refused, r.meter.receipts),
			}
			for where, text := range places {
				if strings.Contains(text, canary) || strings.Contains(text, testToken) {
					t.Errorf("%s: %s", where, text)
				}
			}
			if w.Code == http.StatusOK && name != "accepted" && name != "not json" {
				t.Errorf("answered %d", w.Code)
			}
		})
	}
}

func TestASendersTextIsCutInTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	req := webhookRequest("apify", `{"eventType":"`+strings.Repeat("T", 5000)+`","eventData":{"actorRunId":"`+strings.Repeat("r", 5000)+`"}}`)
	req.Header.Set("X-Apify-Webhook-Dispatch-Id", strings.Repeat("d", 5000))
	r.send(t, req)
	if n := len(r.log.String()); n == 0 || n > 1500 {
		t.Errorf("a log line of %d bytes", n)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "", "short": "short", "12345678": "12345678", "123456789": "12345678…", "1234567ü": "1234567…",
		strings.Repeat("\x80", 9): "…",
	} {
		if got := clip(s, 8); got != want || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("clip(%q) = %q, want %q", s, got, want)
		}
	}
}

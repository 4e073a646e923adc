package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	first := dedup.NewID(time.Date(2026, 9, 14, 10, 0, 0, 123e6, time.UTC))
	kept := dedup.NewID(time.Date(2026, 9, 14, 11, 0, 0, 0, time.UTC))
	event, run := `"`+first.String()+`"`, `"ojue2pKvaKRjkewuJ"`
	for _, tc := range []struct {
		name    string
		source  string
		body    string
		verdict dedup.Verdict
		status  int
		header  string
		want    string // RECEIPT stands for the receipt's id
	}{
		{
			name: "new", verdict: dedup.Verdict{Outcome: dedup.OutcomeNew, Reason: dedup.ReasonFirstSeen, EventID: first},
			status: 200, header: "new; reason=first_seen",
			want: `{"status":"accepted","outcome":"new","run_id":` + run + `,"event_id":` + event + `,"receipt_id":"RECEIPT"}`,
		},
		{
			name: "updated", verdict: dedup.Verdict{Outcome: dedup.OutcomeUpdated, Reason: dedup.ReasonFirstSeen, EventID: first},
			status: 200, header: "updated; reason=first_seen",
			want: `{"status":"accepted","outcome":"updated","run_id":` + run + `,"event_id":` + event + `,"receipt_id":"RECEIPT"}`,
		},
		{
			name: "late", verdict: dedup.Verdict{Outcome: dedup.OutcomeLate, Reason: dedup.ReasonFirstSeen, EventID: first},
			status: 200, header: "late; reason=first_seen",
			want: `{"status":"accepted","outcome":"late","run_id":` + run + `,"event_id":` + event + `,"receipt_id":"RECEIPT"}`,
		},
		{
			name:    "duplicate",
			verdict: dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatTwin, EventID: first},
			status:  200, header: "duplicate; reason=window_hit",
			want: `{"status":"duplicate","outcome":"duplicate","message":"Webhook already processed","run_id":` + run + `,"event_id":` + event +
				`,"receipt_id":"RECEIPT","first_seen_at":"2026-09-14T10:00:00.123Z"}`,
		},
		{
			name: "test", body: `{"eventType":"TEST","eventData":null,"resource":{"joke":"…"}}`,
			verdict: dedup.Verdict{Outcome: dedup.OutcomeTest, Reason: dedup.ReasonFirstSeen, EventID: first},
			status:  200, header: "test; reason=first_seen",
			want: `{"status":"test","outcome":"test","message":"Test received and kept. Real events will be accepted the same way.",` +
				`"run_id":null,"event_id":` + event + `,"receipt_id":"RECEIPT"}`,
		},
		{
			name:    "rejected by the database",
			verdict: dedup.Verdict{Outcome: dedup.OutcomeQuarantined, Reason: dedup.ReasonRejectedByDatabase, QuarantineID: kept},
			status:  200, header: "quarantined; reason=rejected_by_database",
			want: `{"status":"quarantined","outcome":"quarantined","message":"` + rejectedMessage +
				`","run_id":null,"event_id":null,"receipt_id":"RECEIPT","quarantine_id":"` + kept.String() + `"}`,
		},
		{
			name: "quarantine status of the source", source: "strict",
			verdict: dedup.Verdict{Outcome: dedup.OutcomeQuarantined, Reason: dedup.ReasonRejectedByDatabase, QuarantineID: kept},
			status:  422, header: "quarantined; reason=rejected_by_database",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.verdict(tc.verdict)
			if tc.source == "" {
				tc.source = "apify"
			}
			if tc.body == "" {
				tc.body = succeeded(t)
			}
			w := r.send(t, webhookRequest(tc.source, tc.body))
			if w.Code != tc.status || w.Header().Get("X-Dedup-Outcome") != tc.header {
				t.Errorf("%d %q, want %d %q", w.Code, w.Header().Get("X-Dedup-Outcome"), tc.status, tc.header)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			admitted, _ := r.all()
			receipt := admitted[0].ReceiptID.String()
			if w.Header().Get("X-Request-ID") != receipt {
				t.Errorf("X-Request-Id %q is not the receipt id %q", w.Header().Get("X-Request-ID"), receipt)
			}
			if want := strings.ReplaceAll(tc.want, "RECEIPT", receipt) + "\n"; tc.want != "" && w.Body.String() != want {
				t.Errorf("got  %swant %s", w.Body, want)
			}
		})
	}
}

func TestQuarantineTellsTheSenderWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Gate = fakeGate(nil)
	r.verdict(dedup.Verdict{Outcome: dedup.OutcomeQuarantined, Reason: dedup.ReasonNotJSON, QuarantineID: dedup.NewID(time.Now())})
	w := r.post(t, "not json at all")
	admitted, _ := r.all()
	if q := admitted[0].Quarantine; q == nil || decode(t, w)["message"] != q.Message || w.Code != http.StatusOK {
		t.Errorf("%d %s for %+v", w.Code, w.Body, q)
	}
}

// Every outcome of the core has an answer and a header; none is forgotten when one is added.
func TestEveryOutcomeHasAnAnswer(t *testing.T) {
	t.Parallel()
	headers, statuses := newOutcomeHeaders(), map[string]bool{}
	for _, o := range dedup.Outcomes() {
		statuses[answerStatus(o)] = true
		for _, r := range dedup.Reasons() {
			if got := headers.of(dedup.Verdict{Outcome: o, Reason: r}); len(got) != 1 || got[0] != string(o)+"; reason="+string(r) {
				t.Errorf("%s, %s: header %q", o, r, got)
			}
		}
	}
	for _, want := range []string{"accepted", "duplicate", "test", "quarantined"} {
		if !statuses[want] {
			t.Errorf("no outcome is answered %q", want)
		}
	}
}

func FuzzAnswerIsJSON(f *testing.F) {
	f.Add("plain", "a\"b\\c")
	f.Add("\x00\x1f\x7f", "\xff\xfe ü  </script>")
	f.Fuzz(func(t *testing.T, message, runID string) {
		a := answer{verdict: firstSeen, message: message, runID: runID}
		var got struct {
			Message string  `json:"message"`
			RunID   *string `json:"run_id"`
		}
		b := a.append(nil)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if utf8.ValidString(message) && got.Message != message {
			t.Errorf("message %q came back as %q", message, got.Message)
		}
		if (got.RunID == nil) != (runID == "") {
			t.Errorf("run id %q came back as %v", runID, got.RunID)
		}
	})
}

package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	runA = "ojue2pKvaKRjkewuJ"
	runB = "qBeRBk4RHJXWsmvkN"
	runD = "nfQ3s68pXX8dZeziz"
	runE = "AyzjEjqZN6gAjxu6f"
	runG = "LzfT6RxE7f4yDhedx"
)

// landing is where a sample ends up, in the order of the header sets.
type landing struct {
	sample  string
	status  string
	outcome string
	repeat  string
	run     string // "" for none; "?" not checked here
}

var landings = []landing{
	{"created", "accepted", "new", "", runA},
	{"succeeded_first_attempt", "accepted", "updated", "", runA},
	{"succeeded_retry", "duplicate", "duplicate", "retry", runA},
	{"succeeded_other_webhook", "duplicate", "duplicate", "twin", runA},
	{"resurrected", "accepted", "updated", "", runA},
	{"succeeded_after_resurrect", "accepted", "updated", "", runA},
	{"failed", "accepted", "new", "", runB},
	{"aborted", "accepted", "new", "", "?"},
	{"timed_out", "accepted", "new", "", runD},
	{"build_succeeded", "accepted", "new", "", "?"},
	{"build_failed", "accepted", "new", "", "?"},
	{"test_event", "test", "test", "", ""},
	{"test_event_past_run", "test", "test", "", runA},
	{"custom_minimal_bearer", "accepted", "new", "", runA},
	{"custom_uninterpolated", "accepted", "new", "", ""},
	{"large_resource", "accepted", "new", "", "?"},
	{"unicode", "accepted", "new", "", runE},
	{"nul_and_lone_surrogate", "accepted", "new", "", runG},
	{"malformed_missing_ids", "accepted", "new", "", ""},
	{"behind_a_proxy", "duplicate", "duplicate", "retry", runA},
	{"relayed_without_apify_headers", "duplicate", "duplicate", "unknown", runA},
}

func TestEverySampleLandsAsItsDocumentationSays(t *testing.T) {
	t.Parallel()
	if n := len(samples.All()); n != len(landings) {
		t.Fatalf("there are %d samples, this test knows %d", n, len(landings))
	}
	for name, config := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, config(t))
			outcomes := map[string]int64{}
			for _, want := range landings {
				s, ok := samples.Get(want.sample)
				if !ok {
					t.Fatalf("no sample %s", want.sample)
				}
				r.land(want, s)
				outcomes[want.outcome]++
			}
			r.checkBooks(outcomes)
			r.checkRunA()
		})
	}
}

// land sends a sample and checks the answer, the receipt and the stored bytes.
func (r *running) land(want landing, s samples.Sample) {
	r.t.Helper()
	header := http.Header{}
	for name, values := range s.Headers {
		if name != "Host" && name != "Authorization" {
			header[name] = values
		}
	}
	a := r.send(header, s.Body)
	if a.Code != http.StatusOK || a.Status != want.status || a.Outcome != want.outcome {
		r.t.Errorf("%s: answered %d %s/%s, want 200 %s/%s", want.sample, a.Code, a.Status, a.Outcome, want.status, want.outcome)
		return
	}
	switch {
	case want.run == "" && a.RunID != nil:
		r.t.Errorf("%s: run_id %q, want null", want.sample, *a.RunID)
	case want.run != "" && a.RunID == nil:
		r.t.Errorf("%s: run_id null", want.sample)
	case want.run != "" && want.run != "?" && *a.RunID != want.run:
		r.t.Errorf("%s: run_id %q, want %q", want.sample, *a.RunID, want.run)
	}
	if want.outcome == "duplicate" {
		if a.Message != "Webhook already processed" || a.FirstSeenAt == "" {
			r.t.Errorf("%s: message %q, first seen %q", want.sample, a.Message, a.FirstSeenAt)
		}
		r.checkRepeat(want, a)
		return
	}
	var body []byte
	r.api("/events/"+a.EventID+"/body", &body)
	if !bytes.Equal(body, s.Body) {
		r.t.Errorf("%s: the stored body has %d bytes and differs from the %d that were sent", want.sample, len(body), len(s.Body))
	}
}

func (r *running) checkRepeat(want landing, a answer) {
	r.t.Helper()
	testkit.Eventually(r.t, 10*time.Second, func() error {
		var page view.Page[view.Receipt]
		if err := r.tryAPI("/receipts?limit=500&event_id="+a.EventID, &page); err != nil {
			return err
		}
		for _, receipt := range page.Items {
			if receipt.ID == a.ReceiptID {
				if receipt.Repeat != want.repeat {
					r.t.Errorf("%s: repeat %q, want %q", want.sample, receipt.Repeat, want.repeat)
				}
				return nil
			}
		}
		return fmt.Errorf("%s: no receipt %s", want.sample, a.ReceiptID)
	})
}

func (r *running) checkBooks(want map[string]int64) {
	r.t.Helper()
	var stats view.Stats
	r.api("/stats", &stats)
	got := map[string]int64{}
	for _, c := range stats.Counts {
		got[c.Outcome] += c.Count
	}
	for outcome, n := range want {
		if got[outcome] != n {
			r.t.Errorf("the books have %d %s, want %d", got[outcome], outcome, n)
		}
	}
}

func (r *running) checkRunA() {
	r.t.Helper()
	var line view.Timeline
	r.api("/runs/"+runA, &line)
	if line.Run.Status != "SUCCEEDED" || line.Run.Life != 1 {
		r.t.Errorf("run A shows %s of life %d, want SUCCEEDED of life 1", line.Run.Status, line.Run.Life)
	}
	types := map[string]int{}
	for _, e := range line.Events {
		types[e.Type]++
	}
	if types["ACTOR.RUN.SUCCEEDED"] != 2 || types["ACTOR.RUN.RESURRECTED"] != 1 || types["TEST"] != 0 {
		r.t.Errorf("run A's timeline has events %v", types)
	}
}

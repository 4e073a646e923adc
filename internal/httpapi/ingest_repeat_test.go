package httpapi

import (
	"net/http"
	"slices"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// fakeOthers remembers what it was offered.
type fakeOthers struct {
	events []dedup.ID
	bodies []string
}

func (f *fakeOthers) Offer(event dedup.ID, in *dedup.Inbound) {
	f.events, f.bodies = append(f.events, event), append(f.bodies, string(in.Body))
}

func TestWhatMayDifferFromItsEventIsOffered(t *testing.T) {
	t.Parallel()
	id := firstSeen.EventID
	for what, tt := range map[string]struct {
		verdict dedup.Verdict
		offered bool
	}{
		"a twin, told by Redis":          {dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatTwin, EventID: id}, true},
		"a twin in flight":               {dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonRaceLost, Repeat: dedup.RepeatTwin, EventID: id}, true},
		"a repeat of nobody knows what":  {dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonLedgerHit, Repeat: dedup.RepeatUnknown, EventID: id}, true},
		"a retry":                        {dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatRetry, EventID: id}, false},
		"a twin of an event in doubt":    {dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonLedgerHit, Repeat: dedup.RepeatTwin, EventID: id, InDoubt: true}, false},
		"an event":                       {firstSeen, false},
		"what could not become an event": {dedup.Verdict{Outcome: dedup.OutcomeQuarantined, Reason: dedup.ReasonRejectedByDatabase, QuarantineID: id}, false},
	} {
		r, others := newRig(t), &fakeOthers{}
		r.opts.OtherBodies = others
		r.verdict(tt.verdict)
		body := succeeded(t)
		if w := r.post(t, body); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
		if got := slices.Equal(others.events, []dedup.ID{id}) && slices.Equal(others.bodies, []string{body}); got != tt.offered || len(others.events) > 1 {
			t.Errorf("%s: offered %v %q", what, others.events, others.bodies)
		}
	}
}

package dedup_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// situation is everything that a decision may depend on, in the words of the design.
type situation struct {
	quarantine dedup.Reason // "" for a request with an identity
	claim      dedup.ClaimState
	degraded   bool
	known      bool // the claim's mark is good
	test       bool
	inserted   bool
	change     dedup.RunChange
	dispatch   string // the request's
	firstTag   string // of the event's first receipt, as mark and ledger tell it
}

func (s situation) String() string {
	quarantine := s.quarantine
	if quarantine == "" {
		quarantine = "identified"
	}
	claim := map[dedup.ClaimState]string{
		dedup.ClaimUnknown: "unknown", dedup.ClaimFirst: "first", dedup.ClaimPending: "pending", dedup.ClaimSettled: "settled",
	}[s.claim]
	change := map[dedup.RunChange]string{
		dedup.RunUntouched: "untouched", dedup.RunOpened: "opened", dedup.RunAdvanced: "advanced", dedup.RunBehind: "behind",
	}[s.change]
	return fmt.Sprintf("%s/claim=%s,degraded=%v,known=%v/test=%v,inserted=%v,run=%s/dispatch=%q,first=%q",
		quarantine, claim, s.degraded, s.known, s.test, s.inserted, change, s.dispatch, s.firstTag)
}

// situations are all combinations; combinations is how many that must be, counted by hand from the lists.
const combinations = 5 * 4 * 2 * 2 * 2 * 2 * 4 * 2 * 3

func situations() []situation {
	all := []situation{{}}
	for _, dimension := range []func(situation) []situation{
		across([]dedup.Reason{
			"", dedup.ReasonNotJSON, dedup.ReasonNoIdentity, dedup.ReasonTooLarge, dedup.ReasonRejectedByDatabase,
		}, func(s *situation, r dedup.Reason) { s.quarantine = r }),
		across(dedup.ClaimStates(), func(s *situation, c dedup.ClaimState) { s.claim = c }),
		across([]bool{false, true}, func(s *situation, b bool) { s.degraded = b }),
		across([]bool{false, true}, func(s *situation, b bool) { s.known = b }),
		across([]bool{false, true}, func(s *situation, b bool) { s.test = b }),
		across([]bool{false, true}, func(s *situation, b bool) { s.inserted = b }),
		across(dedup.RunChanges(), func(s *situation, c dedup.RunChange) { s.change = c }),
		across([]string{"", "mine"}, func(s *situation, d string) { s.dispatch = d }),
		across([]string{"", "mine", "other"}, func(s *situation, tag string) { s.firstTag = tag }),
	} {
		var next []situation
		for _, s := range all {
			next = append(next, dimension(s)...)
		}
		all = next
	}
	return all
}

// across varies one thing over its values.
func across[T any](values []T, set func(*situation, T)) func(situation) []situation {
	return func(s situation) []situation {
		var all []situation
		for _, v := range values {
			set(&s, v)
			all = append(all, s)
		}
		return all
	}
}

// rule is a line of the design's decision table. Exactly one rule matches each situation.
type rule struct {
	name    string
	when    func(situation) bool
	outcome dedup.Outcome
	reason  dedup.Reason // "" for the quarantine's own
}

func rules() []rule {
	asked := func(s situation) bool { return s.quarantine == "" && !s.known } // the database was
	first := func(s situation) bool { return asked(s) && s.inserted }
	again := func(s situation) bool { return asked(s) && !s.inserted }
	changes := func(c ...dedup.RunChange) func(situation) bool {
		return func(s situation) bool {
			for _, change := range c {
				if first(s) && !s.test && s.change == change {
					return true
				}
			}
			return false
		}
	}
	return []rule{
		{"quarantined, whatever else", func(s situation) bool { return s.quarantine != "" }, dedup.OutcomeQuarantined, ""},
		{
			"a good mark needs no database", func(s situation) bool { return s.quarantine == "" && s.known },
			dedup.OutcomeDuplicate, dedup.ReasonWindowHit,
		},
		{"first, a test", func(s situation) bool { return first(s) && s.test }, dedup.OutcomeTest, dedup.ReasonFirstSeen},
		{"first of its run, or of none", changes(dedup.RunOpened, dedup.RunUntouched), dedup.OutcomeNew, dedup.ReasonFirstSeen},
		{"first, the run advanced", changes(dedup.RunAdvanced), dedup.OutcomeUpdated, dedup.ReasonFirstSeen},
		{"first, the run is further", changes(dedup.RunBehind), dedup.OutcomeLate, dedup.ReasonFirstSeen},
		{
			"there already, a twin was in flight", func(s situation) bool { return again(s) && s.claim == dedup.ClaimPending },
			dedup.OutcomeDuplicate, dedup.ReasonRaceLost,
		},
		{
			"there already, only the database knew", func(s situation) bool { return again(s) && s.claim != dedup.ClaimPending },
			dedup.OutcomeDuplicate, dedup.ReasonLedgerHit,
		},
	}
}

func TestDecisionTable(t *testing.T) {
	t.Parallel()
	all := situations()
	distinct := map[situation]bool{}
	for _, s := range all {
		distinct[s] = true
	}
	if len(all) != combinations || len(distinct) != combinations {
		t.Fatalf("%d situations, %d distinct ones; %d combinations", len(all), len(distinct), combinations)
	}
	matched := map[string]int{}
	for _, s := range all {
		var found []rule
		for _, r := range rules() {
			if r.when(s) {
				found = append(found, r)
				matched[r.name]++
			}
		}
		if len(found) != 1 {
			t.Fatalf("%s: %d rules match", s, len(found))
		}
		t.Run(found[0].name+"/"+s.String(), func(t *testing.T) { checkDecision(t, s, found[0]) })
	}
	for _, r := range rules() {
		if matched[r.name] == 0 {
			t.Errorf("no situation for %q", r.name)
		}
	}
}

func checkDecision(t *testing.T, s situation, r rule) {
	t.Helper()
	now := time.UnixMilli(1789373061640)
	marked, stored := dedup.NewID(now), dedup.NewID(now)
	e := &dedup.Entry{
		Inbound: &dedup.Inbound{DispatchID: s.dispatch, Test: s.test}, EventID: dedup.NewID(now), Known: s.known,
		Claim: dedup.ClaimReply{State: s.claim, Degraded: s.degraded, Mark: dedup.Mark{EventID: marked, Tag: s.firstTag}},
	}
	if s.quarantine != "" {
		e.Quarantine = &dedup.Quarantine{Reason: s.quarantine}
	}
	got := dedup.Decide(e, dedup.Found{Inserted: s.inserted, EventID: stored, FirstTag: s.firstTag, Change: s.change, Seq: 7})

	want := dedup.Verdict{Outcome: r.outcome, Reason: r.reason, Degraded: s.degraded}
	switch r.outcome {
	case dedup.OutcomeQuarantined:
		want.Reason = s.quarantine
	case dedup.OutcomeDuplicate:
		want.EventID, want.FirstTag, want.Repeat = stored, s.firstTag, repeatOf(s)
		if r.reason == dedup.ReasonWindowHit {
			want.EventID = marked
		}
	default:
		want.EventID, want.FirstTag, want.Seq = stored, s.firstTag, 7
	}
	if got != want {
		t.Errorf("%s\n got %+v\nwant %+v", s, got, want)
	}
}

func repeatOf(s situation) dedup.Repeat {
	switch {
	case s.dispatch == "" || s.firstTag == "":
		return dedup.RepeatUnknown
	case s.dispatch == s.firstTag:
		return dedup.RepeatRetry
	default:
		return dedup.RepeatTwin
	}
}

// Whatever the claimer says, a request that the ledger inserted is never called a duplicate without a good mark, and one
// that it knew never a first.
func TestOnlyTheLedgerSaysFirst(t *testing.T) {
	t.Parallel()
	for _, s := range situations() {
		if s.quarantine != "" || s.known {
			continue
		}
		e := &dedup.Entry{
			Inbound: &dedup.Inbound{DispatchID: s.dispatch, Test: s.test},
			Claim:   dedup.ClaimReply{State: s.claim, Degraded: s.degraded, Mark: dedup.Mark{Tag: s.firstTag}},
		}
		v := dedup.Decide(e, dedup.Found{Inserted: s.inserted, Change: s.change, FirstTag: s.firstTag})
		if (v.Outcome == dedup.OutcomeDuplicate) == s.inserted || (v.Reason == dedup.ReasonFirstSeen) != s.inserted {
			t.Fatalf("%s: %+v", s, v)
		}
	}
}

func TestListsNameEverythingOnce(t *testing.T) {
	t.Parallel()
	checkList(t, dedup.Outcomes(), 6)
	checkList(t, dedup.Reasons(), 8)
	checkList(t, dedup.Repeats(), 3)
	checkList(t, dedup.Operations(), 5)
	checkList(t, dedup.ClaimStates(), 4)
	checkList(t, dedup.RunChanges(), 4)
}

func checkList[T comparable](t *testing.T, list []T, want int) {
	t.Helper()
	seen := map[T]bool{}
	for _, v := range list {
		seen[v] = true
	}
	if len(list) != want || len(seen) != want {
		t.Errorf("%v: %d entries, %d distinct ones, want %d", list, len(list), len(seen), want)
	}
}

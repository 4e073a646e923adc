package apify

import "time"

// Why says why an event never came.
type Why string

// The reasons.
const (
	WhyGaveUp    Why = "gave_up"    // Apify has used up its attempts
	WhyLost      Why = "lost"       // Apify was answered 2xx, and yet nothing is on record: an alarm
	WhyNeverTold Why = "never_told" // no webhook had it to tell
	WhyDisplaced Why = "displaced"  // what is on record in its place was not confirmed: somebody else had told it first
)

// Result says what was done about it.
type Result string

// The results.
const (
	ResultInjected   Result = "injected"    // put through the gate, and new there
	ResultFound      Result = "found"       // missing, in a dry run: nothing was done
	ResultKnown      Result = "known"       // put through the gate, which knew it by then
	ResultUnclear    Result = "unclear"     // may be one that is on record: an event of this run and type that nothing tells apart
	ResultNoIdentity Result = "quarantined" // can't become an event: see quarantine, and mend the webhook's payload template
)

// Missing is an event of Apify's that was not on record.
type Missing struct {
	Source     string    `json:"source"`
	Kind       string    `json:"kind"`
	RunID      string    `json:"run_id"`
	Type       string    `json:"type"`
	DispatchID string    `json:"dispatch_id,omitempty"`
	At         time.Time `json:"at"` // when Apify first told it, or the run ended
	Why        Why       `json:"why"`
	Attempts   int       `json:"attempts,omitempty"`    // of Apify's
	LastStatus int       `json:"last_status,omitempty"` // that Apify was answered; 0 for none
	Result     Result    `json:"result"`
	EventID    string    `json:"event_id,omitempty"`
}

// Report is what one pass has found.
type Report struct {
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	DryRun     bool      `json:"dry_run"`
	Elsewhere  bool      `json:"elsewhere"`  // another process is at it: nothing was looked at
	Dispatches int       `json:"dispatches"` // looked at, of those that lead here
	Active     int       `json:"active"`     // of these, still being tried by Apify
	Runs       int       `json:"runs"`       // looked at because no dispatch tells of them
	Missing    []Missing `json:"missing"`    // oldest first
}

// Count is the number of missing events with a result.
func (r *Report) Count(result Result) int {
	n := 0
	for i := range r.Missing {
		if r.Missing[i].Result == result {
			n++
		}
	}
	return n
}

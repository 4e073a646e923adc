package dedup

import "time"

// Outcome is the closed list of what becomes of a receipt.
type Outcome string

// The outcomes. receipts = new + updated + late + duplicate + test + quarantined.
const (
	OutcomeNew         Outcome = "new"         // first event of its run, or an event that moves no run
	OutcomeUpdated     Outcome = "updated"     // further event, the run's status advanced
	OutcomeLate        Outcome = "late"        // further event, older than the status its run shows
	OutcomeDuplicate   Outcome = "duplicate"   // told before
	OutcomeTest        Outcome = "test"        // somebody pressed Test
	OutcomeQuarantined Outcome = "quarantined" // kept aside, can be replayed
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome {
	return []Outcome{OutcomeNew, OutcomeUpdated, OutcomeLate, OutcomeDuplicate, OutcomeTest, OutcomeQuarantined}
}

// Reason says why an outcome is what it is.
type Reason string

// The reasons of accepted events and duplicates, then those of quarantine.
const (
	ReasonFirstSeen Reason = "first_seen" // the database had no such event
	ReasonWindowHit Reason = "window_hit" // Redis knew
	ReasonLedgerHit Reason = "ledger_hit" // only the database knew
	ReasonRaceLost  Reason = "race_lost"  // a twin in flight committed first

	ReasonNotJSON            Reason = "not_json"
	ReasonNoIdentity         Reason = "no_identity"
	ReasonTooLarge           Reason = "too_large"
	ReasonRejectedByDatabase Reason = "rejected_by_database"

	ReasonUnverified Reason = "unverified" // of quarantine alone: its sender does not confirm it, which was learnt after its receipt
)

// Reasons lists all reasons that a receipt can have.
func Reasons() []Reason {
	return []Reason{
		ReasonFirstSeen, ReasonWindowHit, ReasonLedgerHit, ReasonRaceLost,
		ReasonNotJSON, ReasonNoIdentity, ReasonTooLarge, ReasonRejectedByDatabase,
	}
}

// Repeat says what kind of repeat a duplicate is.
type Repeat string

// The kinds of repeat; RepeatNone for everything that is no duplicate.
const (
	RepeatNone    Repeat = ""
	RepeatRetry   Repeat = "retry"   // same dispatch id: the sender tried again
	RepeatTwin    Repeat = "twin"    // other dispatch id: another webhook told the same event
	RepeatUnknown Repeat = "unknown" // one of the two has no dispatch id
)

// Repeats lists all kinds of repeat but none.
func Repeats() []Repeat { return []Repeat{RepeatRetry, RepeatTwin, RepeatUnknown} }

// Verdict is the answer to one request.
type Verdict struct {
	Outcome      Outcome
	Reason       Reason
	Repeat       Repeat
	EventID      ID     // zero when quarantined
	QuarantineID ID     // zero unless quarantined
	FirstTag     string // dispatch tag of the event's first receipt, see [DispatchTag]
	Seq          int64  // number within the run for a first delivery; 0 for duplicates and events that move no run
	Degraded     bool   // Redis was left out or failed
	InDoubt      bool   // the event's first request may be a forgery: it gets no mark, so that each further one reaches the ledger
	Unrecorded   bool   // a duplicate whose receipt could be stored nowhere; counted, never an error
}

// FirstSeenAt is when the event's first receipt came in, UTC, milliseconds: event ids carry it.
func (v Verdict) FirstSeenAt() time.Time { return v.EventID.Time() }

package delivery

import "github.com/dedupgate/dedupgate/internal/dedup"

// Lookup says by what an event is looked up at its sender before its word is taken.
type Lookup string

// The ways.
const (
	LookupNone     Lookup = ""
	LookupDispatch Lookup = "dispatch" // the sender's own id of the request
	LookupRun      Lookup = "run"      // the run or build that it speaks of
)

// Doubt is a request that has to be looked up: the one that made its event, or another that told the same.
type Doubt struct {
	EventID    dedup.ID
	Retelling  dedup.ID // the receipt of the other request; zero for the event's first
	By         Lookup
	Source     string
	Run        dedup.RunRef
	Type       string
	Generation string
	DispatchID string
	Via        dedup.Via // of another request; empty for the first
	Tries      int       // this one included
}

// Belief is what came of a request that its sender has confirmed. It is zero when the event's doubt had been settled before.
type Belief struct {
	Released int  // deliveries that were held
	Replaced bool // the event was another's, whose request is in quarantine now
	Out      int  // where it was replaced: deliveries that were not held, so that the other's words may have been sent
}

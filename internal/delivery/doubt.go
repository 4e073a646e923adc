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

// Doubt is an event that has to be looked up.
type Doubt struct {
	EventID    dedup.ID
	By         Lookup
	Source     string
	Run        dedup.RunRef
	Type       string
	Generation string
	DispatchID string
	Tries      int // this one included
}

package dedup

import (
	"context"
	"errors"
)

// The errors of the core. Adapters translate by error code and wrap these with %w.
var (
	// ErrUnavailable: nobody could tell whether the event is known. Answered 503; the sender will ask again.
	ErrUnavailable = errors.New("the ledger can't be reached")
	// ErrBusy: the queue is full. Answered 503 at once.
	ErrBusy = errors.New("too many requests waiting")
	// ErrStopped: the gate no longer takes requests.
	ErrStopped = errors.New("the gate is shutting down")
	// ErrUnclear: a commit was sent and its answer lost. The same batch must be recorded again.
	ErrUnclear = errors.New("the commit's answer was lost")
	// ErrContended: a lock was not had in time, a deadlock or a serialization failure. Nothing was stored.
	ErrContended = errors.New("a row is locked by somebody else")
	// ErrRejected: the database refuses a row's data. Nothing was stored.
	ErrRejected = errors.New("the database refused the data")
	// ErrHitsToLedger: the hit log is full, gone or not used; receipts of hits belong into the ledger directly.
	ErrHitsToLedger = errors.New("hits go to the ledger")
)

// Entry is one request on its way into the ledger.
type Entry struct {
	*Inbound
	EventID ID         // the event's id should this request be its first
	Claim   ClaimReply // what the claimer said
	Known   bool       // the claim's mark is good: only the receipt has to be stored
	Unclear bool       // for the ledger, which sets it with ErrUnclear: the entry may be stored
}

// RunChange says what an inserted event did to its run.
type RunChange uint8

// The changes. RunUntouched is an event that moves no run.
const (
	RunUntouched RunChange = iota
	RunOpened              // the run was not known
	RunAdvanced            // the event's version is above the run's
	RunBehind              // the run already shows a higher version
)

// RunChanges lists all changes.
func RunChanges() []RunChange { return []RunChange{RunUntouched, RunOpened, RunAdvanced, RunBehind} }

// Found is what the ledger says about one entry's key inside the transaction.
type Found struct {
	Inserted bool   // this request's receipt is the event's first
	EventID  ID     // the event's id, ours or the older one
	FirstTag string // dispatch tag of the event's first receipt
	Change   RunChange
	Seq      int64
	InDoubt  bool // see [Verdict]
}

// Ledger is the source of truth: the only one to say "first". Implementations are safe for concurrent use.
type Ledger interface {
	// Record stores the batch in one transaction and returns one verdict an entry, in order, and the incarnation of the
	// connection that committed. Equal keys in one batch are folded: the first of them is the first.
	//
	// It can be called again with the same entries after ErrUnclear: what was committed is found by the receipts' ids
	// and given back unchanged, nothing is counted twice.
	//
	// Errors: ErrUnavailable and ErrUnclear as their comments say; ErrContended and ErrRejected mean that nothing was
	// stored and that a smaller batch may pass.
	Record(ctx context.Context, batch []*Entry) ([]Verdict, Incarnation, error)
	// Incarnation is the last one a probe has seen, and whether that probe succeeded within the last second.
	Incarnation() (inc Incarnation, fresh bool)
}

package dedup

import (
	"context"
	"crypto/sha256"
	"time"
)

// Incarnation says which database a mark speaks of: 8 bytes of a hash over what tells one life of one database from any
// other. A mark of another incarnation proves nothing.
type Incarnation [8]byte

// IsZero reports whether the incarnation is unknown.
func (i Incarnation) IsZero() bool { return i == Incarnation{} }

// Mark is a settled claim: a fact about a committed event, true whoever says it.
type Mark struct {
	Incarnation Incarnation
	EventID     ID
	Tag         string // dispatch tag of the event's first receipt
}

// ClaimState is what the claimer found under a key.
type ClaimState uint8

// The states of a claim.
const (
	ClaimUnknown ClaimState = iota // error, timeout, nonsense, or Redis left out
	ClaimFirst                     // nothing there before, or our own token after a lost reply
	ClaimPending                   // another request's token: says nothing about the outcome
	ClaimSettled                   // a mark
)

// ClaimStates lists all states.
func ClaimStates() []ClaimState {
	return []ClaimState{ClaimUnknown, ClaimFirst, ClaimPending, ClaimSettled}
}

// ClaimRequest asks for one key.
type ClaimRequest struct {
	Key   Key
	Token ID // the request's receipt id
	Lease time.Duration
}

// ClaimReply is the answer for one key.
type ClaimReply struct {
	State    ClaimState
	Mark     Mark // set when State is ClaimSettled
	Degraded bool // Redis failed, answered nonsense, or is left out
}

// Settlement records a committed event under its key.
type Settlement struct {
	Key    Key
	Mark   Mark
	Window time.Duration
}

// Claimer is the fast memory in front of the ledger. It may forget, be slow, be wrong about being first, or be gone; it
// must never invent a mark. Implementations are safe for concurrent use.
type Claimer interface {
	// Claim answers every request, in order, within its own time budget. A failure is ClaimUnknown and Degraded, never
	// an error: nobody needs the claimer.
	Claim(ctx context.Context, reqs []ClaimRequest) []ClaimReply
	// Settle overwrites each key with its mark for its window. Losing a settlement costs time, never truth.
	Settle(ctx context.Context, marks []Settlement) error
}

// Hit is a duplicate that the claimer alone has told: its receipt still has to reach the ledger.
type Hit struct {
	ReceiptID  ID
	ReceivedAt time.Time
	Source     string
	EventID    ID
	Type       string
	DispatchID string
	Repeat     Repeat
	RemoteIP   string
}

// HitLog keeps hits until the drainer has moved them into the ledger.
type HitLog interface {
	// Append stores all hits or returns an error; after an error some may have been stored, which the ledger folds by
	// receipt id. [ErrHitsToLedger] asks the caller to store the receipts in the ledger directly.
	Append(ctx context.Context, hits []Hit) error
}

// Exchanger is a claimer that is its own hit log as well and does both at once. A [Gate] then saves a round trip for every
// batch of hits.
type Exchanger interface {
	Claimer
	HitLog
	// Exchange answers reqs as Claim does and stores hits as Append does; the error speaks of the hits alone.
	Exchange(ctx context.Context, reqs []ClaimRequest, hits []Hit) ([]ClaimReply, error)
}

// exchangeWith gives what does both, one after the other where the two have nothing to do with each other.
func exchangeWith(c Claimer, log HitLog) func(context.Context, []ClaimRequest, []Hit) ([]ClaimReply, error) {
	if both, ok := c.(Exchanger); ok && HitLog(both) == log {
		return both.Exchange
	}
	return func(ctx context.Context, reqs []ClaimRequest, hits []Hit) ([]ClaimReply, error) {
		replies := c.Claim(ctx, reqs)
		if len(hits) == 0 {
			return replies, nil
		}
		return replies, log.Append(ctx, hits)
	}
}

// maxTag is the longest dispatch id that serves as its own tag; Apify's have 17 characters.
const maxTag = 18

// DispatchTag shortens a dispatch id to at most 19 bytes so that a mark stays small: itself up to 18 bytes, else 0xFF (no
// byte of an id) and 16 bytes of its SHA-256. Equal tags mean equal ids.
func DispatchTag(id string) string {
	if len(id) <= maxTag {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "\xff" + string(sum[:16])
}

// repeatKind compares a repeat's dispatch id with the tag of the first.
func repeatKind(firstTag, dispatchID string) Repeat {
	switch {
	case firstTag == "" || dispatchID == "":
		return RepeatUnknown
	case DispatchTag(dispatchID) == firstTag:
		return RepeatRetry
	default:
		return RepeatTwin
	}
}

package dedup

import (
	"cmp"
	"encoding/binary"
	"strings"
	"time"
)

// Kind says what an event speaks of.
type Kind string

// The kinds. KindNone is an event without a run or build (a TEST, or a body without a usable id).
const (
	KindNone  Kind = ""
	KindRun   Kind = "run"
	KindBuild Kind = "build"
)

// Status is what a run shows: the last word of the event type that has the highest [Version].
type Status string

// The statuses of a run or build. The hyphen of Apify's TIMED-OUT is an underscore here, as in the event type.
const (
	StatusCreated     Status = "CREATED"
	StatusResurrected Status = "RESURRECTED"
	StatusSucceeded   Status = "SUCCEEDED"
	StatusFailed      Status = "FAILED"
	StatusAborted     Status = "ABORTED"
	StatusTimedOut    Status = "TIMED_OUT"
)

// IsEnd reports whether the status ends one life of a run.
func (s Status) IsEnd() bool {
	return s == StatusSucceeded || s == StatusFailed || s == StatusAborted || s == StatusTimedOut
}

// StatusOf is the last word of an event type.
func StatusOf(eventType string) Status {
	return Status(eventType[strings.LastIndexByte(eventType, '.')+1:])
}

// Rank orders the events of one life of a run.
type Rank uint8

// The ranks: a run is created, or taken up again, and then ends.
const (
	RankCreated Rank = iota
	RankResurrected
	RankEnd
)

// Version places an event among the events of its run. Arrival order and local clocks are not in it, so a run's final
// status depends on the set of events, not on the order in which they came.
type Version struct {
	Life uint32 // resource.stats.resurrectCount, at least 1 for RESURRECTED
	Rank Rank
	At   int64  // Unix milliseconds: finishedAt of an end, else the body's createdAt, 0 when unknown
	Type string // the event type, as the last tie-breaker
}

// Compare orders versions by life, rank, event time and type, in that order.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Life, w.Life), cmp.Compare(v.Rank, w.Rank), cmp.Compare(v.At, w.At), cmp.Compare(v.Type, w.Type))
}

// Encode gives bytes whose lexical order is the order of [Version.Compare]: a database compares them without knowing
// what they mean.
func (v Version) Encode() []byte {
	b := make([]byte, 13, 13+len(v.Type))
	binary.BigEndian.PutUint32(b, v.Life)
	b[4] = byte(v.Rank)
	binary.BigEndian.PutUint64(b[5:], uint64(v.At)^1<<63) // flip the sign: negative times sort first
	return append(b, v.Type...)
}

// RunRef names the run or build that an event speaks of.
type RunRef struct {
	Kind Kind
	ID   string
}

// Quarantine says why a request can't become an event.
type Quarantine struct {
	Reason  Reason // not_json, no_identity, too_large or rejected_by_database
	Message string // for the sender's eyes too: what is wrong and what to do, without payload or secrets
}

// Inbound is one authenticated request whose identity is known (or known to be missing). It is filled once, before any
// I/O, and never changed afterwards.
type Inbound struct {
	ReceiptID  ID        // made first of all; also the claim's token
	ReceivedAt time.Time // UTC, milliseconds
	Key        Key       // zero Event when quarantined
	Run        RunRef
	ActorID    string // "" when unknown
	TaskID     string // "" when unknown
	Type       string // event type as told, "" when none
	Generation string // what tells one life of the run from the next; "" when not needed or unknown
	DispatchID string // "" when the sender gave none
	Test       bool

	// Status and Version are set only for events that may move their run: known types with a usable run id.
	Status     Status
	Version    Version
	OccurredAt time.Time // event time as told by the sender; zero when unknown

	Quarantine *Quarantine // nil when the request has an identity

	Body        []byte // as received, byte for byte
	ContentType string
	Headers     []byte // allow-listed headers as a JSON object; never a secret
	RemoteIP    string
	Via         Via

	Window time.Duration // how long a settled claim is remembered
	Lease  time.Duration // how long an unsettled one is
}

// Via says how a receipt came to be.
type Via string

// The ways in.
const (
	ViaWebhook    Via = "webhook"    // an HTTP request of the sender
	ViaQuarantine Via = "quarantine" // an operator replayed a quarantined request
	ViaReconciled Via = "reconciled" // nobody had told: it was found by asking the sender
)

// MovesRun reports whether the event takes part in its run's status. Unknown types, TEST and events without a run don't.
func (in *Inbound) MovesRun() bool {
	return in.Status != "" && in.Run.ID != "" && !in.Test && in.Quarantine == nil
}

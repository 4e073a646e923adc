// Package delivery holds what handing events on is about: destinations and which events go where, the states of a delivery,
// and when its next attempt is due. Everything in it is pure; the ledger stores deliveries, the forwarder makes the attempts.
// It may be imported by anyone and imports the core and the standard library only.
package delivery

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// State is how far a delivery is.
type State string

// The states; there are no others.
const (
	Pending    State = "pending"    // waits for its first attempt
	Held       State = "held"       // waits for a release: nothing is sent before
	Delivering State = "delivering" // an attempt is under way
	Retrying   State = "retrying"   // an attempt has failed, another one will follow
	Delivered  State = "delivered"  // the receiver has answered 2xx
	Dead       State = "dead"       // dead letter: no further attempt without an operator
	Cancelled  State = "cancelled"  // an operator has called it off
)

// States lists all states.
func States() []State {
	return []State{Pending, Held, Delivering, Retrying, Delivered, Dead, Cancelled}
}

// Over reports a state that only an operator can end.
func (s State) Over() bool { return s == Delivered || s == Dead || s == Cancelled }

// Due is a delivery that needs a job.
type Due struct {
	ID          dedup.ID
	EventID     dedup.ID
	Destination string
	Job         int       // number of the job that it is to get, and of no other: see [Claim]
	At          time.Time // before which there is nothing to do; zero: at once
}

// Claim is what a job says when it is about to begin an attempt. Each job that is made for a delivery has a number of its
// own, and the one that was made last is the delivery's only one: no other begins an attempt any more.
type Claim struct {
	Delivery dedup.ID
	Job      int
	// Again: the job was worked before, by a process that has given it back. If that one has left an attempt under way,
	// nobody will ever tell how it ended.
	Again bool
}

// Begun is what became of claims. Those that are in neither list have nothing to attempt: not now, and not with this job.
type Begun struct {
	Shipments []Shipment
	// Waiting are deliveries that are to be attempted, but not yet: the destination is paused, or an attempt that an earlier
	// job has begun is still under way.
	Waiting []dedup.ID
}

// LostJob is a job whose process gives no sign of life.
type LostJob struct {
	ID    int64     // the job queue's own
	Taken time.Time // the last sign of life, by the clock of the database
}

// Event is what routing needs to know of an event.
type Event struct {
	Source  string
	Type    string // as told by the sender; "" when there was none
	Outcome dedup.Outcome
	Via     dedup.Via // "" when an operator has it delivered again
}

// Shipment is one delivery made ready for an attempt: everything that the request is made of.
type Shipment struct {
	Due
	Source      string
	Run         dedup.RunRef
	EventType   string
	Generation  string
	Seq         int64
	Replay      int // 0 for the delivery made with the event, n for an operator's n-th replay
	Attempt     int // number of this attempt, counted from 1
	Forgiven    int // how many of them came before an operator's retry: a policy counts Attempt - Forgiven
	CreatedAt   time.Time
	ContentType string
	Body        []byte // byte for byte as received
	BodyPurged  bool   // retention has taken the body: there is nothing to send
}

// Attempt is one HTTP try and what became of it.
type Attempt struct {
	DeliveryID dedup.ID
	Number     int // counted from 1
	StartedAt  time.Time
	Took       time.Duration
	Status     int    // of the answer; 0 when there was none
	Error      string // what went wrong, for operators; "" after a 2xx. Never a secret, never a query string
	Answer     []byte // the first 2 KiB of the answer's body
}

// AnswerKept is how much of an answer's body an attempt keeps, in bytes.
const AnswerKept = 2 << 10

// Result is an attempt with what it means for its delivery.
type Result struct {
	Attempt
	State State     // delivered, retrying or dead
	Next  time.Time // when the next attempt is due; zero unless retrying
}

// Package view holds what operators read: runs, events, receipts, quarantined requests and statistics, with the queries
// that select them and the cursors that page them. The ledger fills it, the admin API serves it, the client reads it back.
// It may be imported by anyone and imports the standard library only. Times are UTC; ids are canonical UUID text.
package view

import (
	"encoding/json"
	"time"
)

// Run is a run or build and the status it shows.
type Run struct {
	Source      string     `json:"source"`
	Kind        string     `json:"kind" enum:"run,build"`
	RunID       string     `json:"run_id"`
	Status      string     `json:"status" enum:"CREATED,RESURRECTED,SUCCEEDED,FAILED,ABORTED,TIMED_OUT"`
	ActorID     string     `json:"actor_id,omitempty"`
	TaskID      string     `json:"task_id,omitempty"`
	Life        int        `json:"life" doc:"How often the run had been resurrected when it reached this status."`
	OccurredAt  *time.Time `json:"occurred_at,omitempty" doc:"Time of the status, as the sender told it."`
	FirstSeenAt time.Time  `json:"first_seen_at"`
	UpdatedAt   time.Time  `json:"updated_at" doc:"When the last event of the run came in."`
	Events      int64      `json:"events" doc:"Distinct events of the run."`
}

// Event is a fact, told once or more often.
type Event struct {
	ID             string          `json:"id"`
	Source         string          `json:"source"`
	Key            string          `json:"key" doc:"What makes two requests the same event within a source."`
	Type           string          `json:"type"`
	Kind           string          `json:"kind" enum:"run,build,"`
	RunID          string          `json:"run_id,omitempty"`
	ActorID        string          `json:"actor_id,omitempty"`
	TaskID         string          `json:"task_id,omitempty"`
	Generation     string          `json:"generation,omitempty"`
	DispatchID     string          `json:"dispatch_id,omitempty"`
	Seq            int64           `json:"seq" doc:"Number within the run in order of commit; gaps are allowed; 0 for events that move no run."`
	Outcome        string          `json:"outcome" enum:"new,updated,late,test"`
	Hits           int64           `json:"hits" doc:"Duplicates seen."`
	FirstReceiptID string          `json:"first_receipt_id"`
	ReceivedAt     time.Time       `json:"received_at"`
	OccurredAt     *time.Time      `json:"occurred_at,omitempty"`
	ContentType    string          `json:"content_type"`
	Headers        json.RawMessage `json:"headers,omitempty"`
	BodyBytes      int64           `json:"body_bytes"`
	BodyPurged     bool            `json:"body_purged"`
	OtherBodies    int64           `json:"other_bodies" doc:"Bodies kept in which a repeat of the event differed from it."`
	Doubt          string          `json:"doubt,omitempty" enum:"waiting,unverified," doc:"Where the source verifies: waiting until the sender is asked, or unverified, which means that it has not confirmed what is on record. Confirmed events have none."`
}

// OtherBody is a body in which a repeat of an event differed from it.
type OtherBody struct {
	ReceiptID   string    `json:"receipt_id" doc:"Of the repeat."`
	ReceivedAt  time.Time `json:"received_at"`
	DispatchID  string    `json:"dispatch_id,omitempty"`
	ContentType string    `json:"content_type"`
	BodyBytes   int64     `json:"body_bytes"`
}

// What [Event.Doubt] can be, besides empty.
const (
	DoubtWaiting    = "waiting"
	DoubtUnverified = "unverified"
)

// Receipt is one authenticated request.
type Receipt struct {
	ID           string    `json:"id"`
	ReceivedAt   time.Time `json:"received_at"`
	Source       string    `json:"source"`
	Outcome      string    `json:"outcome" enum:"new,updated,late,duplicate,test,quarantined"`
	Reason       string    `json:"reason"`
	Repeat       string    `json:"repeat,omitempty" enum:"retry,twin,unknown,"`
	EventID      string    `json:"event_id,omitempty"`
	QuarantineID string    `json:"quarantine_id,omitempty"`
	Type         string    `json:"type,omitempty"`
	DispatchID   string    `json:"dispatch_id,omitempty"`
	LagMillis    *int64    `json:"lag_ms,omitempty" doc:"Time since the event's first receipt, for duplicates."`
	Degraded     bool      `json:"degraded"`
	RemoteIP     string    `json:"remote_ip,omitempty"`
	Via          string    `json:"via" enum:"webhook,quarantine,reconciled"`
}

// Quarantined is a request that could not become an event.
type Quarantined struct {
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Reason      string          `json:"reason" enum:"not_json,no_identity,too_large,rejected_by_database,unverified"`
	Message     string          `json:"message"`
	FirstSeenAt time.Time       `json:"first_seen_at"`
	LastSeenAt  time.Time       `json:"last_seen_at"`
	Hits        int64           `json:"hits" doc:"How often the same body came, the first included."`
	DispatchID  string          `json:"dispatch_id,omitempty"`
	ContentType string          `json:"content_type"`
	Headers     json.RawMessage `json:"headers,omitempty"`
	BodyBytes   int64           `json:"body_bytes" doc:"Size of the body as sent; more than is kept when truncated. -1 when the sender did not say."`
	Truncated   bool            `json:"truncated"`
	ReplayedAt  *time.Time      `json:"replayed_at,omitempty"`
	ReplayEvent string          `json:"replay_event_id,omitempty" doc:"The event that a replay made."`
}

// Timeline is a run with everything that is known of it, oldest first.
type Timeline struct {
	Run      Run       `json:"run"`
	Events   []Event   `json:"events" nullable:"false"`
	Receipts []Receipt `json:"receipts" nullable:"false"`
	// EventsCut and ReceiptsCut say that there were more than are listed.
	EventsCut   bool `json:"events_cut" doc:"There are more events than are listed."`
	ReceiptsCut bool `json:"receipts_cut" doc:"There are more receipts than are listed."`
}

// Count is a number of receipts of one kind.
type Count struct {
	Source  string `json:"source"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Count   int64  `json:"count"`
}

// Stats sums receipts over a time range, read from rollups.
type Stats struct {
	Since       time.Time `json:"since"`
	Until       time.Time `json:"until"`
	Receipts    int64     `json:"receipts"`
	Counts      []Count   `json:"counts" nullable:"false"`
	HitsWaiting int64     `json:"hits_waiting" doc:"Duplicates told by Redis whose receipts are not in the database yet; -1 when Redis can't tell."`
	Unrecorded  int64     `json:"unrecorded" doc:"Duplicates whose receipt could be stored nowhere since this process started."`
}

// Page is one page of a listing; Next is the cursor of the following one, empty on the last.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Pass as cursor to get the next page; absent on the last."`
}

// Body is a stored body with what is needed to hand it out safely.
type Body struct {
	ContentType string
	Bytes       []byte
}

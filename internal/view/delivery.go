package view

import (
	"errors"
	"time"
)

// Errors of changes.
var (
	// ErrTooMany: a change would touch more than its cap. Nothing was changed.
	ErrTooMany = errors.New("the selection holds more than one call may change: narrow it, or raise max")
	// ErrBadSelection: a change that names nothing to change, or contradicts itself. The text says what to do.
	ErrBadSelection = errors.New("bad selection")
)

// Delivery is the duty to hand one event to one destination.
type Delivery struct {
	ID            string     `json:"id"`
	EventID       string     `json:"event_id"`
	Destination   string     `json:"destination"`
	Replay        int        `json:"replay" doc:"0 for the delivery made with the event, n for an operator's n-th replay of it."`
	Source        string     `json:"source"`
	Kind          string     `json:"kind" enum:"run,build,"`
	RunID         string     `json:"run_id,omitempty"`
	EventType     string     `json:"event_type"`
	Seq           int64      `json:"seq" doc:"The event's number within its run; 0 for events that move no run."`
	State         string     `json:"state" enum:"pending,held,delivering,retrying,delivered,dead,cancelled"`
	Attempts      int        `json:"attempts" doc:"Attempts begun, the one under way included."`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at" doc:"When the state was last changed."`
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty" doc:"Not before; for retrying only."`
	WaitsFor      string     `json:"waits_for,omitempty" enum:"configuration,resume,earlier,breaker," doc:"What holds it up, beside its time: its destination is not configured, or paused; an earlier event of its run has to arrive first; the breaker of its destination is not closed, in the process that answers."`
	LastStatus    int        `json:"last_status,omitempty" doc:"HTTP status of the last answer; absent when there was none."`
	LastError     string     `json:"last_error,omitempty" doc:"What went wrong in the last attempt."`
}

// What a delivery can wait for, beside its time.
const (
	WaitsForConfiguration = "configuration" // its destination is not configured
	WaitsForResume        = "resume"        // its destination is paused
	WaitsForEarlier       = "earlier"       // an earlier event of its run has to arrive first
	WaitsForBreaker       = "breaker"       // its destination fails: one attempt now and then
)

// Attempt is one HTTP try of a delivery.
type Attempt struct {
	Number     int       `json:"number" doc:"Counted from 1."`
	StartedAt  time.Time `json:"started_at"`
	TookMillis int64     `json:"took_ms"`
	Status     int       `json:"status,omitempty" doc:"HTTP status of the answer; absent when there was none."`
	Error      string    `json:"error,omitempty"`
	Answer     string    `json:"answer,omitempty" doc:"Start of the answer's body, at most 2 KiB, as text."`
}

// DeliveryHistory is a delivery with its attempts, oldest first.
type DeliveryHistory struct {
	Delivery Delivery  `json:"delivery"`
	Attempts []Attempt `json:"attempts" nullable:"false"`
	// AttemptsCut says that there were more than are listed: the newest are.
	AttemptsCut bool `json:"attempts_cut" doc:"There are older attempts than are listed."`
}

// DeliveryFilter selects deliveries; empty fields don't restrict. The range is that of their creation, which for replay 0
// is the time of the event's receipt.
type DeliveryFilter struct {
	Range
	Destination, State, Source, RunID, EventID string
}

// DeliveryQuery lists deliveries, newest first.
type DeliveryQuery struct {
	DeliveryFilter
	Paging
}

// DestinationStats says how far a destination's deliveries are. Delivered and cancelled ones are not counted: they only
// ever become more.
type DestinationStats struct {
	Destination string     `json:"destination"`
	Pending     int64      `json:"pending"`
	Held        int64      `json:"held"`
	Delivering  int64      `json:"delivering"`
	Retrying    int64      `json:"retrying"`
	Dead        int64      `json:"dead"`
	OldestAt    *time.Time `json:"oldest_at,omitempty" doc:"Creation of the oldest delivery that is pending, delivering or retrying."`
}

// AttemptCount is a number of finished attempts by what they made of their deliveries.
type AttemptCount struct {
	Destination string `json:"destination"`
	State       string `json:"state" enum:"delivered,retrying,dead"`
	Count       int64  `json:"count"`
}

// DeliveryStats is the state of all destinations now, and the attempts finished in a time range, read from rollups.
type DeliveryStats struct {
	Since        time.Time          `json:"since"`
	Until        time.Time          `json:"until"`
	Destinations []DestinationStats `json:"destinations" nullable:"false" doc:"Those with deliveries that are not over, or dead."`
	Attempts     []AttemptCount     `json:"attempts" nullable:"false"`
}

// Act says who changes something and why, which goes into the audit, and how much at most.
type Act struct {
	Actor  string
	Reason string
	// DryRun only counts.
	DryRun bool
	// Max is the most that may be changed: 0 means [DefaultMaxChanges]; no more than [MaxChanges].
	Max int
}

// Bounds of one change.
const (
	DefaultMaxChanges = 10_000
	MaxChanges        = 100_000
)

// Cap applies the default and the maximum.
func (a Act) Cap() int {
	if a.Max <= 0 {
		return DefaultMaxChanges
	}
	return min(a.Max, MaxChanges)
}

// DeliverySelection names what to change: deliveries by their ids, or all that a filter selects.
type DeliverySelection struct {
	IDs []string
	DeliveryFilter
}

// ReplaySelection names events: by their ids, or all that the other fields select (empty ones don't restrict). The range is
// that of their receipt.
type ReplaySelection struct {
	EventIDs []string
	Range
	RunID  string
	Types  []string
	Source string
	// Destination is where to: empty means wherever the event would go now. Events named by id go to a destination that is
	// named even though it does not want their type.
	Destination string
}

// Changed is what a change has done, or in a dry run what it would do.
type Changed struct {
	DryRun     bool  `json:"dry_run"`
	Deliveries int64 `json:"deliveries" doc:"Deliveries changed or made."`
	Held       int64 `json:"held,omitempty" doc:"How many of them are held, since their event is not confirmed by its sender: releasing them sends them all the same. Not counted in dry runs of replays."`
	Events     int64 `json:"events,omitempty" doc:"Events they belong to; for replays."`
	Purged     int64 `json:"purged,omitempty" doc:"Events left out because their body is not kept any more; for replays."`
}

// StuckQuery says from when on something counts as stuck. A zero age means [DefaultStuckAge].
type StuckQuery struct {
	Runs       time.Duration // since the last event of a run that has not ended
	Deliveries time.Duration // since the creation of a delivery that is not over
	Delivering time.Duration // since the begin of an attempt that has no end
	Limit      int           // of each list; as in [Paging]
}

// DefaultStuckAge and DefaultOrphanAge are the ages of a [StuckQuery]; the latter is that of an attempt.
const (
	DefaultStuckAge  = 24 * time.Hour
	DefaultOrphanAge = 15 * time.Minute
	// StuckRunsBack is how far back runs are looked at.
	StuckRunsBack = 90 * 24 * time.Hour
)

// WithDefaults fills the zero ages.
func (q StuckQuery) WithDefaults() StuckQuery {
	if q.Runs <= 0 {
		q.Runs = DefaultStuckAge
	}
	if q.Deliveries <= 0 {
		q.Deliveries = DefaultStuckAge
	}
	if q.Delivering <= 0 {
		q.Delivering = DefaultOrphanAge
	}
	q.Limit = ClampLimit(q.Limit)
	return q
}

// StuckReport lists what has not moved for too long, oldest first.
type StuckReport struct {
	Runs       []Run      `json:"runs" nullable:"false" doc:"Runs and builds that were created or resurrected and never told to have ended."`
	Deliveries []Delivery `json:"deliveries" nullable:"false" doc:"Deliveries that are not over."`
	Orphaned   []Delivery `json:"orphaned" nullable:"false" doc:"Deliveries whose attempt never ended."`
	// The Cut fields say that there is more than is listed.
	RunsCut       bool `json:"runs_cut"`
	DeliveriesCut bool `json:"deliveries_cut"`
	OrphanedCut   bool `json:"orphaned_cut"`
}

package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Gate decides one request, within a time of its own. Errors: [dedup.ErrUnavailable], [dedup.ErrBusy], [dedup.ErrStopped],
// [dedup.LimitedError].
type Gate interface {
	Admit(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error)
}

// Sources finds a configured source. A reload may change the answer between two calls, never a source that was given out.
type Sources interface {
	Lookup(name string) (*source.Source, bool)
	// Decoy is the guard of a name that is not configured: it asks for what some configured source asks for, always the same
	// for one name, and lets nobody in.
	Decoy(name string) *signature.Guard
}

// OversizeKeeper puts an authenticated request whose body is over the limit into quarantine. Its inbound holds the start
// of the body; size is the length the sender announced, -1 when it did not say. It bounds its own time and how many it keeps
// at once, charges them to the limits that events have, and is safe for concurrent use. Errors: those of a [Gate].
type OversizeKeeper interface {
	KeepOversize(ctx context.Context, in *dedup.Inbound, size int64) error
}

// OtherBodyKeeper is offered the bodies of repeats that another webhook may have told in other words. It does not block and is
// called concurrently; the inbound is not changed any more.
type OtherBodyKeeper interface {
	Offer(event dedup.ID, in *dedup.Inbound)
}

// Health says how the process is, from what probes have seen last: its methods don't wait for a store.
type Health interface {
	DatabaseTakesWrites() bool
	// Redis is text for operators: "up", "down since …" or "embedded".
	Redis() string
	// Stopping reports that the process has begun to shut down.
	Stopping() bool
}

// Meter counts. Its methods don't block and are called concurrently.
type Meter interface {
	// InFlight adds delta to the number of webhooks being worked on.
	InFlight(delta int)
	// Receipt counts a verdict and the time from the body's last byte to it.
	Receipt(source string, v dedup.Verdict, took time.Duration)
	// Refused counts a request without a verdict; the code is one of [RefusalCodes].
	Refused(code string)
}

// Reader answers the operators' questions. Errors: [view.ErrNotFound], [view.ErrBadCursor], [view.ErrAmbiguous],
// [dedup.ErrUnavailable].
type Reader interface {
	BodyReader
	Runs(ctx context.Context, q view.RunQuery) (view.Page[view.Run], error)
	// Timeline is one run with all that is known of it. An empty source or kind matches any.
	Timeline(ctx context.Context, source, kind, runID string) (view.Timeline, error)
	Events(ctx context.Context, q view.EventQuery) (view.Page[view.Event], error)
	Event(ctx context.Context, id string) (view.Event, error)
	Receipts(ctx context.Context, q view.ReceiptQuery) (view.Page[view.Receipt], error)
	Quarantine(ctx context.Context, q view.QuarantineQuery) (view.Page[view.Quarantined], error)
	Quarantined(ctx context.Context, id string) (view.Quarantined, error)
	Stats(ctx context.Context, r view.Range) (view.Stats, error)
}

// BodyReader reads stored bodies, as they were received. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
type BodyReader interface {
	EventBody(ctx context.Context, id string) (view.Body, error)
	// OtherBodies lists the bodies kept beside an event's own, OtherBody reads the one of a repeat's receipt.
	OtherBodies(ctx context.Context, id string) ([]view.OtherBody, error)
	OtherBody(ctx context.Context, id, receiptID string) (view.Body, error)
	QuarantineBody(ctx context.Context, id string) (view.Body, error)
}

// ErrCantReplay is wrapped by a [Replayer] that refuses: the body was cut, the source is gone, or it was replayed before.
// Its whole text is shown to the operator.
var ErrCantReplay = errors.New("can't be replayed")

// Replayer puts a quarantined request through the gate again and writes who asked for it into the audit. Errors:
// [view.ErrNotFound], [ErrCantReplay], and the gate's.
type Replayer interface {
	ReplayQuarantined(ctx context.Context, id, actor, reason string) (dedup.Verdict, error)
}

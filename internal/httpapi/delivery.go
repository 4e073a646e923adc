package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Deliveries shows what became of events after they were stored, and changes it. Errors: [view.ErrNotFound],
// [view.ErrBadCursor], [view.ErrTooMany], [view.ErrBadSelection], [ErrNoDestination], [dedup.ErrContended],
// [dedup.ErrUnavailable]. A change is all or nothing and leaves an entry in the audit; a dry run only counts.
type Deliveries interface {
	Deliveries(ctx context.Context, q view.DeliveryQuery) (view.Page[view.Delivery], error)
	Delivery(ctx context.Context, id string) (view.DeliveryHistory, error)
	// RetryDeliveries sends dead ones again, or cancelled ones when asked for those.
	RetryDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error)
	// CancelDeliveries calls off those that are not over.
	CancelDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error)
	// ReleaseDeliveries lets held ones go.
	ReleaseDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error)
	// Replay sends events again, whatever became of them.
	Replay(ctx context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error)
	// Backfill sends events to a destination that they have not been sent to.
	Backfill(ctx context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error)
	Stuck(ctx context.Context, q view.StuckQuery) (view.StuckReport, error)
	// ClearStuck makes new jobs for deliveries that are stuck.
	ClearStuck(ctx context.Context, q view.StuckQuery, act view.Act) (view.Changed, error)
}

// Destinations shows and pauses destinations. Errors: [ErrNoDestination], [dedup.ErrUnavailable].
type Destinations interface {
	// Destinations are those that are configured, and those that still have deliveries, by name.
	Destinations(ctx context.Context) ([]view.DestinationStatus, error)
	PauseDestination(ctx context.Context, name string, act view.Act) error
	ResumeDestination(ctx context.Context, name string, act view.Act) error
}

// ErrNoDestination is wrapped where a destination is named that is not configured. Its whole text is shown to the operator.
var ErrNoDestination = errors.New("no such destination")

// changeTimeout bounds one change; below http.write_timeout, so that its result is still told.
const changeTimeout = 25 * time.Second

type deliveriesInput struct {
	PageParams
	TimeParams
	Destination string `query:"destination" maxLength:"32"`
	State       string `query:"state" enum:"pending,held,delivering,retrying,delivered,dead,cancelled"`
	Source      string `query:"source" maxLength:"32"`
	RunID       string `query:"run_id" maxLength:"128"`
	EventID     string `query:"event_id" maxLength:"36"`
}

func (a *admin) deliveries(ctx context.Context, in *deliveriesInput) (*pageOf[view.Delivery], error) {
	span, err := in.window(time.Now())
	if err != nil {
		return nil, err
	}
	eventID, err := parseID("query.event_id", in.EventID)
	if err != nil {
		return nil, err
	}
	return paged(a.Deliveries.Deliveries(ctx, view.DeliveryQuery{
		DeliveryFilter: view.DeliveryFilter{
			Range: span, Destination: in.Destination, State: in.State, Source: in.Source, RunID: in.RunID, EventID: eventID,
		},
		Paging: in.paging(),
	}))
}

type deliveryOutput struct{ Body view.DeliveryHistory }

func (a *admin) delivery(ctx context.Context, in *idInput) (*deliveryOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	h, err := a.Deliveries.Delivery(ctx, id)
	if h.Attempts == nil {
		h.Attempts = []view.Attempt{}
	}
	return &deliveryOutput{h}, err
}

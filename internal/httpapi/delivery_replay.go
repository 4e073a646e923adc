package httpapi

import (
	"context"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// ReplayEventsInput sends events again.
type ReplayEventsInput struct {
	Body struct {
		ReasonBody
		BoundsBody
		SpanBody
		EventIDs    []string `json:"event_ids,omitempty" maxItems:"1000" doc:"These events; else all that the other fields select."`
		RunID       string   `json:"run_id,omitempty" maxLength:"128"`
		Types       []string `json:"types,omitempty" maxItems:"100" doc:"Types of events, any of them."`
		Source      string   `json:"source,omitempty" maxLength:"32"`
		Destination string   `json:"destination,omitempty" maxLength:"32" doc:"Where to; else wherever each event would go now."`
		Missing     bool     `json:"missing,omitempty" doc:"Only events that have no delivery to the destination yet: fills up one that was configured later."`
	}
}

// replayEvents always sends, whatever the gate said of the events.
func (a *admin) replayEvents(ctx context.Context, in *ReplayEventsInput) (*changedOutput, error) {
	b := &in.Body
	span, err := b.window(time.Now())
	if err != nil {
		return nil, err
	}
	ids, err := parseIDs("body.event_ids", b.EventIDs)
	if err != nil {
		return nil, err
	}
	selected := view.ReplaySelection{
		EventIDs: ids, Range: span, RunID: b.RunID, Types: b.Types, Source: b.Source, Destination: b.Destination,
	}
	ctx, cancel, by := act(ctx, b.Reason, b.BoundsBody)
	defer cancel()
	what, send := "events replayed", a.Deliveries.Replay
	if b.Missing {
		what, send = "destination backfilled", a.Deliveries.Backfill
	}
	done, err := send(ctx, selected, by)
	if err != nil {
		return nil, err
	}
	return a.changed(ctx, what, by, done), nil
}

// stuckAges are what counts as stuck.
type stuckAges struct{ runs, deliveries, delivering string }

func (s stuckAges) query(location string, limit int) (view.StuckQuery, error) {
	q := view.StuckQuery{Limit: limit}
	for _, age := range []struct {
		name, text string
		into       *time.Duration
	}{
		{"runs", s.runs, &q.Runs}, {"deliveries", s.deliveries, &q.Deliveries}, {"delivering", s.delivering, &q.Delivering},
	} {
		if age.text == "" {
			continue
		}
		d, err := parseAgo(age.text)
		if err != nil || d <= 0 {
			return q, badParameter(location+"."+age.name, "want how long, like 90m, 24h or 7d", age.text)
		}
		*age.into = d
	}
	return q, nil
}

type stuckInput struct {
	Runs       string `query:"runs" maxLength:"32" doc:"Runs without an end whose last event is older; 24h when not given."`
	Deliveries string `query:"deliveries" maxLength:"32" doc:"Deliveries that are not over and older; 24h when not given."`
	Delivering string `query:"delivering" maxLength:"32" doc:"Attempts without an end that began longer ago; 15m when not given."`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Entries of each list."`
}

type stuckOutput struct{ Body view.StuckReport }

func (a *admin) stuck(ctx context.Context, in *stuckInput) (*stuckOutput, error) {
	q, err := stuckAges{in.Runs, in.Deliveries, in.Delivering}.query("query", in.Limit)
	if err != nil {
		return nil, err
	}
	r, err := a.Deliveries.Stuck(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.Runs == nil {
		r.Runs = []view.Run{}
	}
	for _, list := range []*[]view.Delivery{&r.Deliveries, &r.Orphaned} {
		if *list == nil {
			*list = []view.Delivery{}
		}
	}
	return &stuckOutput{r}, nil
}

// ClearStuckInput clears what is stuck: it gets new jobs.
type ClearStuckInput struct {
	Body struct {
		ReasonBody
		BoundsBody
		Deliveries string `json:"deliveries,omitempty" maxLength:"32" doc:"Deliveries that are not over and older; 24h when not given."`
		Delivering string `json:"delivering,omitempty" maxLength:"32" doc:"Attempts without an end that began longer ago; 15m when not given."`
	}
}

func (a *admin) clearStuck(ctx context.Context, in *ClearStuckInput) (*changedOutput, error) {
	q, err := stuckAges{"", in.Body.Deliveries, in.Body.Delivering}.query("body", 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel, by := act(ctx, in.Body.Reason, in.Body.BoundsBody)
	defer cancel()
	done, err := a.Deliveries.ClearStuck(ctx, q, by)
	if err != nil {
		return nil, err
	}
	return a.changed(ctx, "stuck deliveries cleared", by, done), nil
}

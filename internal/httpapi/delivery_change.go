package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// ReasonBody is in the body of every change. (Exported because huma reads exported fields only.)
type ReasonBody struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" pattern:"\\S" patternDescription:"some text" doc:"Why; kept in the audit."`
}

// BoundsBody is in the body of every change of many.
type BoundsBody struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Count only, change nothing."`
	Max    int  `json:"max,omitempty" minimum:"0" maximum:"100000" doc:"Change nothing when it would be more than so many; 0 is 10000."`
}

// SpanBody chooses a time range in a body.
type SpanBody struct {
	Since string `json:"since,omitempty" maxLength:"64" example:"24h" doc:"Start, inclusive: RFC 3339, or how long ago, like 90m, 24h or 7d."`
	Until string `json:"until,omitempty" maxLength:"64" doc:"End, exclusive: RFC 3339, or how long ago."`
}

func (b SpanBody) window(now time.Time) (view.Range, error) {
	return spanOf("body", b.Since, b.Until, now)
}

// ChangeIDInput changes one thing.
type ChangeIDInput struct {
	IDParam
	Body ReasonBody
}

type changedOutput struct{ Body view.Changed }

// change is a method of [Deliveries] that changes what is selected.
type change func(context.Context, view.DeliverySelection, view.Act) (view.Changed, error)

// act is what a change is asked with. A change is not cut short when the operator hangs up: once begun it is audited.
func act(ctx context.Context, reason string, b BoundsBody) (context.Context, context.CancelFunc, view.Act) {
	actor, _ := ctx.Value(actorKey{}).(string)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	return ctx, cancel, view.Act{Actor: actor, Reason: strings.TrimSpace(reason), DryRun: b.DryRun, Max: b.Max}
}

// changed writes the log line of a change.
func (a *admin) changed(ctx context.Context, what string, by view.Act, c view.Changed) *changedOutput {
	if !c.DryRun {
		a.Log.LogAttrs(ctx, slog.LevelInfo, "changed by an operator", slog.String("what", what), slog.String("actor", by.Actor),
			slog.Int64("deliveries", c.Deliveries), slog.Int64("held", c.Held), slog.Int64("events", c.Events), slog.String("reason", by.Reason))
	}
	return &changedOutput{c}
}

// changeOne applies a change to the delivery in the path. One that is in none of the states for it is a conflict.
func (a *admin) changeOne(what string, apply change, states ...delivery.State) func(context.Context, *ChangeIDInput) (*changedOutput, error) {
	return func(ctx context.Context, in *ChangeIDInput) (*changedOutput, error) {
		id, err := in.id()
		if err != nil {
			return nil, err
		}
		ctx, cancel, by := act(ctx, in.Body.Reason, BoundsBody{})
		defer cancel()
		before, err := a.Deliveries.Delivery(ctx, id)
		if err != nil {
			return nil, err
		}
		state := delivery.State(before.Delivery.State)
		if !slices.Contains(states, state) {
			return nil, huma.Error409Conflict(fmt.Sprintf("The delivery is %s: %s.", state, adviceFor(state)))
		}
		selected := view.DeliverySelection{IDs: []string{id}}
		if state == delivery.Cancelled {
			selected.State = string(state) // retried only when asked for by name
		}
		done, err := apply(ctx, selected, by)
		if err != nil {
			return nil, err
		}
		if done.Deliveries == 0 {
			return nil, huma.Error409Conflict("The delivery has moved on meanwhile; look at it again.")
		}
		return a.changed(ctx, what, by, done), nil
	}
}

// adviceFor says what can be done about a delivery that is in the wrong state for what was asked.
func adviceFor(state delivery.State) string {
	switch state {
	case delivery.Delivered:
		return "to send its event again, replay the event"
	case delivery.Dead, delivery.Cancelled:
		return "it is over; retry it to send it again"
	case delivery.Held:
		return "release it to send it, or cancel it"
	default:
		return "it goes on by itself; cancel it to stop it"
	}
}

// SelectionInput changes many deliveries.
type SelectionInput struct {
	Body struct {
		ReasonBody
		BoundsBody
		SpanBody
		IDs         []string `json:"ids,omitempty" maxItems:"1000" doc:"These deliveries; else all that the filters select."`
		Destination string   `json:"destination,omitempty" maxLength:"32"`
		State       string   `json:"state,omitempty" enum:"pending,held,delivering,retrying,dead,cancelled,"`
		Source      string   `json:"source,omitempty" maxLength:"32"`
		RunID       string   `json:"run_id,omitempty" maxLength:"128"`
		EventID     string   `json:"event_id,omitempty" maxLength:"36"`
	}
}

func (in *SelectionInput) selection() (view.DeliverySelection, error) {
	b := &in.Body
	span, err := b.window(time.Now())
	if err != nil {
		return view.DeliverySelection{}, err
	}
	s := view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{
		Range: span, Destination: b.Destination, State: b.State, Source: b.Source, RunID: b.RunID,
	}}
	if s.EventID, err = parseID("body.event_id", b.EventID); err != nil {
		return s, err
	}
	s.IDs, err = parseIDs("body.ids", b.IDs)
	return s, err
}

func parseIDs(location string, texts []string) ([]string, error) {
	ids := make([]string, len(texts))
	for i, text := range texts {
		id, err := dedup.ParseID(text)
		if err != nil {
			return nil, badParameter(fmt.Sprintf("%s[%d]", location, i), err.Error(), text)
		}
		ids[i] = id.String()
	}
	return ids, nil
}

// changeMany applies a change to all that are selected.
func (a *admin) changeMany(what string, apply change) func(context.Context, *SelectionInput) (*changedOutput, error) {
	return func(ctx context.Context, in *SelectionInput) (*changedOutput, error) {
		selected, err := in.selection()
		if err != nil {
			return nil, err
		}
		ctx, cancel, by := act(ctx, in.Body.Reason, in.Body.BoundsBody)
		defer cancel()
		done, err := apply(ctx, selected, by)
		if err != nil {
			return nil, err
		}
		return a.changed(ctx, what, by, done), nil
	}
}

package httpapi

import (
	"context"
	"log/slog"

	"github.com/dedupgate/dedupgate/internal/view"
)

type destinationsOutput struct {
	Body struct {
		Items []view.DestinationStatus `json:"items" nullable:"false"`
	}
}

func (a *admin) destinations(ctx context.Context, _ *struct{}) (*destinationsOutput, error) {
	all, err := a.Destinations.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	out := &destinationsOutput{}
	out.Body.Items = append([]view.DestinationStatus{}, all...)
	return out, nil
}

// DestinationInput changes one destination.
type DestinationInput struct {
	Name string `path:"name" maxLength:"32" example:"app"`
	Body ReasonBody
}

type destinationOutput struct {
	Body struct {
		Destination string `json:"destination"`
		Paused      bool   `json:"paused"`
	}
}

// switching pauses or resumes, by the method it is given.
func (a *admin) switching(
	what string, paused bool, apply func(context.Context, string, view.Act) error,
) func(context.Context, *DestinationInput) (*destinationOutput, error) {
	return func(ctx context.Context, in *DestinationInput) (*destinationOutput, error) {
		ctx, cancel, by := act(ctx, in.Body.Reason, BoundsBody{})
		defer cancel()
		if err := apply(ctx, in.Name, by); err != nil {
			return nil, err
		}
		a.Log.LogAttrs(ctx, slog.LevelInfo, "changed by an operator", slog.String("what", what), slog.String("actor", by.Actor),
			slog.String("destination", in.Name), slog.String("reason", by.Reason))
		out := &destinationOutput{}
		out.Body.Destination, out.Body.Paused = in.Name, paused
		return out, nil
	}
}

package httpapi

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/view"
)

// RepeatCounter is told of every duplicate; run and dispatch may be empty. It does not block and is called concurrently.
type RepeatCounter interface {
	Repeat(source, run, dispatch string)
}

// Storms says what is repeated faster than it should be.
type Storms interface {
	Storms() view.Storms
}

// stormOperations is the part of the API's table about storms.
func (a *admin) stormOperations() []operation {
	if a.Storms == nil {
		return nil
	}
	return []operation{
		{
			get("list-storms", "/storms", "Runs, dispatches and sources that are repeated too fast right now, as this process sees it"),
			ruleRead, answering(a, a.storms),
		},
	}
}

type stormsOutput struct{ Body view.Storms }

func (a *admin) storms(context.Context, *struct{}) (*stormsOutput, error) {
	return &stormsOutput{a.Storms.Storms()}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dedupgate/dedupgate/internal/view"
)

// stuckCmd finds what has not moved for too long.
type stuckCmd struct {
	List  stuckListCmd  `cmd:"" default:"withargs" help:"List runs without an end, old deliveries and lost attempts. Exits 1 when there are any."`
	Clear stuckClearCmd `cmd:"" help:"Clear stuck deliveries: each gets a new job."`
}

type stuckListCmd struct {
	apiFlags
	dataDirFlag
	Runs       age  `default:"24h" placeholder:"TIME" help:"Runs without an end whose last event is older (default 24h)."`
	Deliveries age  `default:"24h" placeholder:"TIME" help:"Deliveries that are not over and older (default 24h)."`
	Delivering age  `default:"15m" placeholder:"TIME" help:"Attempts without an end that began longer ago (default 15m)."`
	Limit      int  `short:"n" default:"50" help:"How many of each at most, oldest first."`
	JSON       bool `name:"json" help:"One JSON object."`
}

// Run lists.
func (c *stuckListCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	r, err := api.Stuck(ctx, view.StuckQuery{
		Runs: c.Runs.Duration, Deliveries: c.Deliveries.Duration, Delivering: c.Delivering.Duration, Limit: c.Limit,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(std.out, r)
	} else {
		err = showStuck(std.out, &r)
	}
	if err == nil && len(r.Runs)+len(r.Deliveries)+len(r.Orphaned) > 0 {
		err = errSaid
	}
	return err
}

func showStuck(out io.Writer, r *view.StuckReport) error {
	if len(r.Runs)+len(r.Deliveries)+len(r.Orphaned) == 0 {
		_, err := fmt.Fprintln(out, "Nothing is stuck.")
		return err
	}
	return errors.Join(
		stuckList(out, "Runs without an end. Did the end's webhook fail to reach the gateway?", r.Runs, r.RunsCut, runTable),
		stuckList(out, "Deliveries that are not over. 'dedupgate destinations list' says what they wait for.",
			r.Deliveries, r.DeliveriesCut, deliveryTable),
		stuckList(out, "Attempts without an end. 'dedupgate stuck clear --reason …' has them made again.", r.Orphaned, r.OrphanedCut, deliveryTable),
	)
}

func stuckList[T any](out io.Writer, title string, items []T, more bool, show func(io.Writer, []T) error) error {
	if len(items) == 0 {
		return nil
	}
	fmt.Fprintln(out, title)
	if err := show(out, items); err != nil {
		return err
	}
	if more {
		fmt.Fprintln(out, "There are more: --limit shows them.")
	}
	fmt.Fprintln(out)
	return nil
}

type stuckClearCmd struct {
	apiFlags
	dataDirFlag
	Deliveries age `default:"24h" placeholder:"TIME" help:"Deliveries that are not over and older (default 24h)."`
	Delivering age `default:"15m" placeholder:"TIME" help:"Attempts without an end that began longer ago (default 15m)."`
	changeFlags
}

// Help is shown by --help.
func (stuckClearCmd) Help() string {
	return `Each gets a new job and goes out as soon as its destination lets it. A receiver may get an event twice when an attempt
was under way after all. Runs stay as they are.`
}

// Run clears.
func (c *stuckClearCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	changed, err := api.ClearStuck(ctx, view.StuckQuery{Deliveries: c.Deliveries.Duration, Delivering: c.Delivering.Duration}, c.act())
	if err != nil {
		return err
	}
	return c.tell(std, changed, "cleared")
}

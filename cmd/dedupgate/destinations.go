package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// destinationsCmd works with where events go.
type destinationsCmd struct {
	List   destinationsListCmd   `cmd:"" help:"List destinations and how they are."`
	Pause  destinationsPauseCmd  `cmd:"" help:"Send nothing more to a destination; its deliveries wait."`
	Resume destinationsResumeCmd `cmd:"" help:"Send to a paused destination again."`
}

type destinationsListCmd struct {
	apiFlags
	dataDirFlag
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists.
func (c *destinationsListCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	all, err := api.Destinations(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		for _, d := range all {
			if err := printJSON(std.out, d); err != nil {
				return err
			}
		}
		return nil
	}
	return showItems(std.out, all, "No destinations: events are kept and go nowhere. Add one under destinations in the configuration; "+
		"'dedupgate replay --missing' then sends what came in before.", destinationTable)
}

func destinationTable(out io.Writer, all []view.DestinationStatus) error {
	t := newTable(out, "DESTINATION", "IS", "WAITING", "RETRYING", "UNDER WAY", "HELD", "DEAD", "OLDEST", "URL")
	for _, d := range all {
		oldest := "-"
		if d.OldestAt != nil {
			oldest = lasting(time.Duration(d.BacklogAge) * time.Millisecond)
		}
		t.row(d.Destination, conditionOf(&d), number(d.Pending), number(d.Retrying), number(d.Delivering), number(d.Held), number(d.Dead),
			oldest, orDash(d.URL))
	}
	return t.flush()
}

// conditionOf says in a word or two how a destination is.
func conditionOf(d *view.DestinationStatus) string {
	var words []string
	if !d.Configured {
		words = append(words, "not configured")
	}
	if d.Paused {
		words = append(words, "paused")
	}
	switch d.Breaker {
	case "open":
		words = append(words, "failing")
	case "half_open":
		words = append(words, "being tried")
	}
	if len(words) == 0 {
		return "good"
	}
	return strings.Join(words, ", ")
}

type destinationSwitch struct {
	apiFlags
	dataDirFlag
	Name   string `arg:"" help:"Name of the destination."`
	Reason string `required:"" help:"Why; kept in the audit."`
}

type destinationsPauseCmd struct{ destinationSwitch }

// Run pauses.
func (c *destinationsPauseCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	if err := api.PauseDestination(ctx, c.Name, c.Reason); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s is paused in all replicas; 'dedupgate destinations resume %[1]s --reason …' goes on.\n", printable(c.Name))
	return err
}

type destinationsResumeCmd struct{ destinationSwitch }

// Run resumes.
func (c *destinationsResumeCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	if err := api.ResumeDestination(ctx, c.Name, c.Reason); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s goes on.\n", printable(c.Name))
	return err
}

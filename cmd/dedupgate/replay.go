package main

import (
	"context"
	"errors"

	"github.com/dedupgate/dedupgate/internal/view"
)

// replayCmd sends events to destinations again.
type replayCmd struct {
	apiFlags
	dataDirFlag
	Events      []string `name:"event" placeholder:"ID" help:"This event; several with commas."`
	RunID       string   `name:"run" placeholder:"ID" help:"Events of this run or build."`
	Since       when     `placeholder:"WHEN" help:"Events that came in since: how long ago (90m, 24h, 7d), a day, or a time."`
	Until       when     `placeholder:"WHEN" help:"Events that came in before."`
	Types       []string `name:"type" placeholder:"TYPE" help:"Events of this type; several with commas."`
	Source      string   `placeholder:"NAME" help:"Events of this source."`
	Destination string   `placeholder:"NAME" help:"Where to. Without it, wherever each event would go now."`
	Missing     bool     `help:"Only events that have no delivery to the destination yet."`
	changeFlags
}

// Help is shown by --help.
func (replayCmd) Help() string {
	return `A replay goes out whatever became of the event before: the receiver gets the same bytes under the same
webhook-id, with X-Dedup-Replay counting. Of an event that a source with hold: true has not had confirmed yet it is held too;
'dedupgate deliveries release' is the way to send that all the same. --missing fills up a destination that was configured after the events came in;
such a delivery is the event's first there and no replay. Try it with --dry-run first.`
}

// Run replays.
func (c *replayCmd) Run(ctx context.Context, std streams) error {
	if len(c.Events) == 0 && c.RunID == "" && c.Since.IsZero() && c.Until.IsZero() {
		return errors.New("say which events: --event, --run, --since or --until (--type and --source choose among them)")
	}
	if c.Missing && c.Destination == "" {
		return errors.New("--missing needs --destination: which one is to be filled up?")
	}
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	changed, err := api.ReplayEvents(ctx, view.ReplaySelection{
		EventIDs: c.Events, Range: view.Range{Since: c.Since.Time, Until: c.Until.Time}, RunID: c.RunID, Types: c.Types,
		Source: c.Source, Destination: c.Destination,
	}, c.Missing, c.act())
	if err != nil {
		return err
	}
	return c.tell(std, changed, "on their way")
}

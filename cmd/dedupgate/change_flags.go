package main

import (
	"errors"
	"fmt"

	"github.com/dedupgate/dedupgate/internal/view"
)

// changeFlags are shared by all commands that change many things at once.
type changeFlags struct {
	Reason string `required:"" help:"Why; kept in the audit."`
	DryRun bool   `help:"Only count what would be changed."`
	Max    int    `placeholder:"N" help:"Change nothing if it would be more than N (default 10000, at most 100000)."`
	JSON   bool   `name:"json" help:"One JSON object a line."`
}

func (f *changeFlags) act() view.Act { return view.Act{Reason: f.Reason, DryRun: f.DryRun, Max: f.Max} }

// selectFlags choose deliveries to change.
type selectFlags struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"Ids of deliveries. Without any, the flags choose."`
	Destination string   `placeholder:"NAME" help:"Those to this destination."`
	Source      string   `placeholder:"NAME" help:"Those of this source."`
	RunID       string   `name:"run" placeholder:"ID" help:"Those of this run or build."`
	EventID     string   `name:"event" placeholder:"ID" help:"Those of this event."`
	Since       when     `placeholder:"WHEN" help:"Those whose event came in since: how long ago (90m, 24h, 7d), a day, or a time."`
	Until       when     `placeholder:"WHEN" help:"Those whose event came in before."`
	All         bool     `help:"All there are."`
}

func (f *selectFlags) selection() (view.DeliverySelection, error) {
	chosen := view.DeliveryFilter{
		Range: view.Range{Since: f.Since.Time, Until: f.Until.Time}, Destination: f.Destination, Source: f.Source, RunID: f.RunID, EventID: f.EventID,
	}
	none := chosen == view.DeliveryFilter{}
	switch {
	case len(f.IDs) > 0 && (!none || f.All):
		return view.DeliverySelection{}, errors.New("name ids, or choose with flags, not both")
	case len(f.IDs) == 0 && none && !f.All:
		return view.DeliverySelection{}, errors.New("name ids of deliveries, or choose with --destination, --source, --run, --event, " +
			"--since or --until; --all takes all there are")
	case f.All && !none:
		return view.DeliverySelection{}, errors.New("--all takes all there are: leave it out, or the other flags")
	}
	return view.DeliverySelection{IDs: f.IDs, DeliveryFilter: chosen}, nil
}

// howToRelease is said of deliveries that a change has held, since their event is in doubt.
const howToRelease = "Apify has not confirmed the event; 'dedupgate deliveries release' sends what is to go all the same."

// tell says what a change has done, such as "will be sent again", or what a dry run would have done.
func (f *changeFlags) tell(std streams, c view.Changed, done string) error {
	if f.JSON {
		return printJSON(std.out, c)
	}
	what := "1 delivery"
	if c.Deliveries != 1 {
		what = number(c.Deliveries) + " deliveries"
	}
	if c.Events > 0 {
		what += " of " + plural(c.Events, "event")
	}
	text := what + " " + done + "."
	if c.DryRun {
		text = what + " chosen. Nothing was changed: leave --dry-run out to go on."
	}
	if c.Held > 0 {
		text += " Held of these: " + number(c.Held) + ". " + howToRelease
	}
	if c.Purged > 0 {
		text += " " + plural(c.Purged, "event") + " left out, whose body retention has deleted."
	}
	_, err := fmt.Fprintln(std.out, text)
	return err
}

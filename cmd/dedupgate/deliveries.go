package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

// deliveriesCmd works with what is handed on to destinations.
type deliveriesCmd struct {
	List    deliveriesListCmd    `cmd:"" help:"List deliveries."`
	Show    deliveriesShowCmd    `cmd:"" help:"Show one with its attempts."`
	Retry   deliveriesRetryCmd   `cmd:"" help:"Send dead or cancelled deliveries again."`
	Cancel  deliveriesCancelCmd  `cmd:"" help:"Call deliveries off."`
	Release deliveriesReleaseCmd `cmd:"" help:"Let held deliveries go, although Apify has not confirmed their event."`
}

type deliveriesListCmd struct {
	apiFlags
	dataDirFlag
	listFlags
	Destination string `placeholder:"NAME" help:"Only to this destination."`
	State       string `placeholder:"STATE" help:"Only in this state: pending, held, delivering, retrying, delivered, dead or cancelled."`
	RunID       string `name:"run" placeholder:"ID" help:"Only of this run or build."`
	EventID     string `name:"event" placeholder:"ID" help:"Only of this event."`
}

// Run lists.
func (c *deliveriesListCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	q := view.DeliveryQuery{Paging: c.paging(), DeliveryFilter: view.DeliveryFilter{
		Range: c.span(), Destination: c.Destination, State: c.State, Source: c.Source, RunID: c.RunID, EventID: c.EventID,
	}}
	const none = "No deliveries. ('dedupgate destinations list' shows where events go.)"
	return printList(&c.listFlags, std, api.AllDeliveries(ctx, q), none, deliveryTable)
}

func deliveryTable(out io.Writer, all []view.Delivery) error {
	t := newTable(out, "CREATED", "DESTINATION", "STATE", "TRIES", "WAITS FOR", "TYPE", "RUN", "DELIVERY", "LAST ERROR")
	for _, d := range all {
		t.row(local(d.CreatedAt), d.Destination+replayMark(d.Replay), d.State, number(d.Attempts), whatItWaitsFor(&d),
			orDash(d.EventType), orDash(d.RunID), d.ID, clip(lastProblem(&d), 60))
	}
	return t.flush()
}

// whatItWaitsFor is what holds a delivery up, or the time of its next attempt.
func whatItWaitsFor(d *view.Delivery) string {
	switch d.WaitsFor {
	case view.WaitsForConfiguration:
		return "its destination: not configured"
	case view.WaitsForResume:
		return "its destination: paused"
	case view.WaitsForEarlier:
		return "an earlier event of its run"
	case view.WaitsForBreaker:
		return "the breaker"
	default:
		return localOf(d.NextAttemptAt)
	}
}

// replayMark tells a replay from the delivery that was made with the event.
func replayMark(n int) string {
	if n == 0 {
		return ""
	}
	return " (replay " + number(n) + ")"
}

func lastProblem(d *view.Delivery) string {
	if d.State == "delivered" {
		return ""
	}
	return d.LastError
}

type deliveriesShowCmd struct {
	apiFlags
	dataDirFlag
	ID   string `arg:"" help:"Id of the delivery."`
	JSON bool   `name:"json" help:"One JSON object, times in UTC."`
}

// Run shows one.
func (c *deliveriesShowCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	h, err := api.Delivery(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, h)
	}
	return showDelivery(std.out, &h)
}

func showDelivery(out io.Writer, h *view.DeliveryHistory) error {
	d := &h.Delivery
	t := newTable(out)
	t.row("delivery", d.ID)
	t.row("event", d.EventID+", "+orDash(d.EventType))
	t.row("source", d.Source)
	t.row(kindOf(d.Kind), orDash(d.RunID)+", event number "+number(d.Seq))
	t.row("destination", d.Destination+replayMark(d.Replay))
	t.row("state", d.State+" since "+local(d.UpdatedAt))
	t.row("created", local(d.CreatedAt))
	t.row("attempts", number(d.Attempts))
	t.row("waits for", whatItWaitsFor(d))
	if err := t.flush(); err != nil || len(h.Attempts) == 0 {
		return err
	}
	fmt.Fprintln(out)
	t = newTable(out, "TRY", "STARTED", "TOOK", "STATUS", "ERROR", "ANSWER")
	for _, a := range h.Attempts {
		took := lasting(time.Duration(a.TookMillis) * time.Millisecond)
		t.row(number(a.Number), localMillis(a.StartedAt), took, statusText(a.Status), orDash(a.Error), clip(a.Answer, 60))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if h.AttemptsCut {
		fmt.Fprintln(out, "There were more before.")
	}
	return nil
}

func statusText(status int) string {
	if status == 0 {
		return "-"
	}
	return number(status)
}

// changeDeliveries changes those that are named one after the other, or in one go all that are chosen.
type changeDeliveries struct {
	apiFlags
	dataDirFlag
	selectFlags
	changeFlags
}

type (
	changeOne  func(ctx context.Context, id string, act view.Act) (view.Changed, error)
	changeMany func(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error)
)

func (c *changeDeliveries) change(ctx context.Context, std streams, state, done string, pick func(*client.Client) (changeOne, changeMany)) error {
	selected, err := c.selection()
	if err != nil {
		return err
	}
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	one, many := pick(api)
	selected.State = state
	if len(c.IDs) == 0 || c.DryRun {
		changed, err := many(ctx, selected, c.act())
		if err != nil {
			return err
		}
		return c.tell(std, changed, done)
	}
	failed := false
	for _, id := range c.IDs {
		changed, err := one(ctx, id, c.act())
		if errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
			return err
		}
		failed = failed || err != nil
		if err := c.say(std, id, done, changed.Held > 0, err); err != nil {
			return err
		}
	}
	if failed {
		return errSaid
	}
	return nil
}

// say says what became of one: done, unless it was held instead or has failed.
func (c *changeDeliveries) say(std streams, id, done string, held bool, failure error) error {
	switch {
	case c.JSON && failure != nil:
		return printJSON(std.out, map[string]string{"id": id, "error": failure.Error()})
	case c.JSON && held:
		return printJSON(std.out, map[string]any{"id": id, "held": true})
	case c.JSON:
		return printJSON(std.out, map[string]string{"id": id})
	case failure != nil:
		fmt.Fprintf(std.err, "%s: %s\n", printable(id), printable(failure.Error()))
		return nil
	case held:
		done = "held again. " + howToRelease
	}
	_, err := fmt.Fprintf(std.out, "%s: %s\n", printable(id), done)
	return err
}

type deliveriesRetryCmd struct {
	changeDeliveries
	State string `enum:"dead,cancelled" default:"dead" help:"Of those that flags choose: dead or cancelled."`
}

// Help is shown by --help.
func (deliveriesRetryCmd) Help() string {
	return `A dead delivery has used up its attempts, or the receiver has answered 410; nothing is sent again by itself. Retried,
it has all its attempts again and goes out at once. A cancelled one whose event Apify has not confirmed is held again, where
its source has hold: true; 'dedupgate deliveries release' is the way to send that all the same. To send an event again that
has arrived, use 'dedupgate replay'.`
}

// Run retries.
func (c *deliveriesRetryCmd) Run(ctx context.Context, std streams) error {
	state := c.State
	if len(c.IDs) > 0 {
		state = ""
	}
	return c.change(ctx, std, state, "will be sent again", func(api *client.Client) (changeOne, changeMany) {
		return api.RetryDelivery, api.RetryDeliveries
	})
}

type deliveriesCancelCmd struct{ changeDeliveries }

// Run cancels.
func (c *deliveriesCancelCmd) Run(ctx context.Context, std streams) error {
	if _, err := c.selection(); err == nil && c.All {
		return errors.New("everything at once is never cancelled: name ids, or choose with --destination, --source, --run, --event, --since or --until")
	}
	return c.change(ctx, std, "", "cancelled", func(api *client.Client) (changeOne, changeMany) {
		return api.CancelDelivery, api.CancelDeliveries
	})
}

type deliveriesReleaseCmd struct{ changeDeliveries }

// Run releases.
func (c *deliveriesReleaseCmd) Run(ctx context.Context, std streams) error {
	return c.change(ctx, std, "", "released", func(api *client.Client) (changeOne, changeMany) {
		return api.ReleaseDelivery, api.ReleaseDeliveries
	})
}

package main

import (
	"context"
	"errors"
	"io"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

// eventsCmd lists events or shows one.
type eventsCmd struct {
	apiFlags
	dataDirFlag
	listFlags
	ID         string `arg:"" optional:"" help:"Show this event."`
	Body       bool   `help:"With an id: write the body to standard output, byte for byte as it was received."`
	Receipt    string `placeholder:"ID" help:"With --body: the body of the repeat with this receipt, where it differs from the event's own."`
	Type       string `placeholder:"TYPE" help:"Only of this type, such as ACTOR.RUN.FAILED."`
	RunID      string `name:"run" placeholder:"ID" help:"Only of this run or build."`
	DispatchID string `placeholder:"ID" help:"Only those first told by this dispatch."`
}

// Help is shown by --help.
func (eventsCmd) Help() string {
	return `An event is a fact: a run was created, ended, was resurrected. It is listed once, however often it was told; HITS
counts the duplicates. Where a repeat told something else its body is kept too, and named by its receipt. Bodies are for
programs: they may hold anything, so look at one through a pager or into a file.`
}

// Run lists or shows.
func (c *eventsCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	switch {
	case err != nil:
		return err
	case c.Receipt != "" && (c.ID == "" || !c.Body):
		return errors.New("--receipt names a body of an event: give the event's id and --body too")
	case c.Receipt != "":
		return writeBody(std.out, c.ID, func(id string) ([]byte, error) { return api.OtherBody(ctx, id, c.Receipt) })
	case c.ID != "" && c.Body:
		return writeBody(std.out, c.ID, func(id string) ([]byte, error) { return api.EventBody(ctx, id) })
	case c.ID != "":
		return c.show(ctx, std, api)
	}
	all := api.AllEvents(ctx, view.EventQuery{
		Range: c.span(), Paging: c.paging(), Source: c.Source, Type: c.Type, RunID: c.RunID, DispatchID: c.DispatchID,
	})
	return printList(&c.listFlags, std, all, "No events. ('dedupgate send' sends a sample.)", eventTable)
}

func eventTable(out io.Writer, events []view.Event) error {
	t := newTable(out, "RECEIVED", "TYPE", "RUN", "OUTCOME", "HITS", "SOURCE", "EVENT")
	for _, e := range events {
		t.row(local(e.ReceivedAt), orDash(e.Type), orDash(e.RunID), e.Outcome, number(e.Hits), e.Source, e.ID)
	}
	return t.flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (c *eventsCmd) show(ctx context.Context, std streams, api *client.Client) error {
	e, err := api.Event(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, e)
	}
	var others []view.OtherBody
	if e.OtherBodies > 0 {
		if others, err = api.OtherBodies(ctx, c.ID); err != nil {
			return err
		}
	}
	return eventSheet(std.out, e, others)
}

func eventSheet(out io.Writer, e view.Event, others []view.OtherBody) error {
	t := newTable(out)
	t.row("event", e.ID)
	t.row("type", orDash(e.Type))
	t.row("source", e.Source)
	t.row("key", e.Key)
	t.row(kindOf(e.Kind), orDash(e.RunID))
	t.row("actor, task", orDash(e.ActorID)+", "+orDash(e.TaskID))
	t.row("generation", orDash(e.Generation))
	t.row("outcome", e.Outcome+", "+plural(e.Hits, "duplicate")+" since")
	t.row("number in run", number(e.Seq))
	t.row("received", localMillis(e.ReceivedAt))
	t.row("happened", localOf(e.OccurredAt))
	t.row("dispatch", orDash(e.DispatchID))
	t.row("first receipt", e.FirstReceiptID)
	switch e.Doubt {
	case view.DoubtWaiting:
		t.row("verified", "not yet: Apify is asked")
	case view.DoubtUnverified:
		t.row("verified", "no: Apify does not confirm it")
	}
	t.row("headers", string(e.Headers))
	t.row("body", bodySummary(e.BodyBytes, e.ContentType)+purged(e.BodyPurged))
	for _, o := range others {
		t.row("other body", bodySummary(o.BodyBytes, o.ContentType)+", dispatch "+orDash(o.DispatchID)+", receipt "+o.ReceiptID)
	}
	return t.flush()
}

func kindOf(kind string) string {
	if kind == "" {
		return "run"
	}
	return kind
}

func bodySummary(size int64, contentType string) string {
	if size < 0 {
		return "of unknown size, " + orDash(contentType)
	}
	return plural(size, "byte") + ", " + orDash(contentType)
}

func purged(gone bool) string {
	if gone {
		return ", purged by retention"
	}
	return ""
}

// writeBody copies a stored body as it is: into a file or a program.
func writeBody(out io.Writer, id string, read func(string) ([]byte, error)) error {
	body, err := read(id)
	if err != nil {
		return err
	}
	_, err = out.Write(body)
	return err
}

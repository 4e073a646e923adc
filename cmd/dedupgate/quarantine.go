package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

// quarantineCmd works with requests that could not become events.
type quarantineCmd struct {
	List   quarantineListCmd   `cmd:"" help:"List quarantined requests."`
	Show   quarantineShowCmd   `cmd:"" help:"Show one, with why it is there and what to do."`
	Replay quarantineReplayCmd `cmd:"" help:"Put requests through the gate again, after the cause is mended."`
}

type quarantineListCmd struct {
	apiFlags
	dataDirFlag
	listFlags
	Reason string `placeholder:"REASON" help:"Only for this reason: not_json, no_identity, too_large, rejected_by_database or unverified."`
	Open   bool   `help:"Only those that were not replayed."`
}

// Run lists.
func (c *quarantineListCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	q := view.QuarantineQuery{Range: c.span(), Paging: c.paging(), Source: c.Source, Reason: c.Reason}
	if c.Open {
		q.Replayed = new(bool)
	}
	return printList(&c.listFlags, std, api.AllQuarantine(ctx, q), "Nothing in quarantine.", quarantineTable)
}

func quarantineTable(out io.Writer, items []view.Quarantined) error {
	t := newTable(out, "FIRST SEEN", "REASON", "TIMES", "BYTES", "REPLAYED", "SOURCE", "ID", "MESSAGE")
	for _, q := range items {
		t.row(local(q.FirstSeenAt), q.Reason, number(q.Hits), number(q.BodyBytes), localOf(q.ReplayedAt), q.Source, q.ID, clip(q.Message, 70))
	}
	return t.flush()
}

type quarantineShowCmd struct {
	apiFlags
	dataDirFlag
	ID   string `arg:"" help:"Id of the quarantined request."`
	Body bool   `help:"Write the body to standard output, byte for byte as it was received."`
	JSON bool   `name:"json" help:"One JSON object, times in UTC."`
}

// shownOfBody is how many bytes of a body are shown.
const shownOfBody = 2000

// Run shows one.
func (c *quarantineShowCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	read := func(id string) ([]byte, error) { return api.QuarantineBody(ctx, id) }
	if c.Body {
		return writeBody(std.out, c.ID, read)
	}
	q, err := api.Quarantined(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, q)
	}
	body, err := read(c.ID)
	if err != nil {
		return err
	}
	return showQuarantined(std.out, &q, body)
}

func showQuarantined(out io.Writer, q *view.Quarantined, body []byte) error {
	t := newTable(out)
	t.row("quarantined", q.ID)
	t.row("source", q.Source)
	t.row("reason", q.Reason)
	t.row("message", q.Message)
	t.row("seen", plural(q.Hits, "time")+", first "+local(q.FirstSeenAt)+", last "+local(q.LastSeenAt))
	t.row("dispatch", orDash(q.DispatchID))
	t.row("headers", string(q.Headers))
	t.row("replayed", replayedText(q))
	t.row("body", bodySummary(q.BodyBytes, q.ContentType)+cut(q.Truncated))
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", printable(string(body[:min(len(body), shownOfBody)])))
	if err == nil && len(body) > shownOfBody {
		_, err = fmt.Fprintf(out, "… %s more; --body writes all\n", plural(len(body)-shownOfBody, "byte"))
	}
	return err
}

func replayedText(q *view.Quarantined) string {
	if q.ReplayedAt == nil {
		return "no"
	}
	return local(*q.ReplayedAt) + " as event " + q.ReplayEvent
}

func cut(truncated bool) string {
	if truncated {
		return "; only the start was kept"
	}
	return ""
}

type quarantineReplayCmd struct {
	apiFlags
	dataDirFlag
	IDs    []string `arg:"" name:"id" help:"Ids of quarantined requests."`
	Reason string   `required:"" help:"Why; kept in the audit."`
	JSON   bool     `name:"json" help:"One JSON object a line."`
}

// Help is shown by --help.
func (quarantineReplayCmd) Help() string {
	return `The request is identified anew, by the source as it is configured now, and decided like any other: an event that is
known by now is a duplicate. Exits 1 when any of the requests did not become an event.`
}

// Run replays one after the other; a failure does not stop the others.
func (c *quarantineReplayCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	failed := false
	for _, id := range c.IDs {
		v, err := api.Replay(ctx, id, c.Reason)
		if errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
			return err
		}
		failed = failed || err != nil || v.EventID == ""
		if err := c.say(std, id, v, err); err != nil {
			return err
		}
	}
	if failed {
		return errSaid
	}
	return nil
}

func (c *quarantineReplayCmd) say(std streams, id string, v client.Verdict, failure error) error {
	switch {
	case c.JSON && failure != nil:
		return printJSON(std.out, map[string]string{"id": id, "error": failure.Error()})
	case c.JSON:
		return printJSON(std.out, struct {
			ID string `json:"id"`
			client.Verdict
		}{id, v})
	case failure != nil:
		fmt.Fprintf(std.err, "%s: %s\n", printable(id), printable(failure.Error()))
		return nil
	case v.EventID == "":
		fmt.Fprintf(std.err, "%s: still %s (%s): mend the cause first\n", printable(id), printable(v.Outcome), printable(v.Reason))
		return nil
	}
	_, err := fmt.Fprintf(std.out, "%s: %s (%s), event %s\n", printable(id), printable(v.Outcome), printable(v.Reason), printable(v.EventID))
	return err
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// runsCmd lists runs or tells one's story.
type runsCmd struct {
	apiFlags
	dataDirFlag
	listFlags
	ID     string `arg:"" optional:"" help:"Tell the story of this run or build."`
	Status string `placeholder:"STATUS" help:"Only with this status: CREATED, RESURRECTED, SUCCEEDED, FAILED, ABORTED or TIMED_OUT."`
	Kind   string `placeholder:"KIND" help:"Only runs, or builds: run or build."`
	Actor  string `placeholder:"ID" help:"Only of this actor."`
	Task   string `placeholder:"ID" help:"Only of this task."`
}

// Help is shown by --help.
func (runsCmd) Help() string {
	return `A run shows the status of its highest event, whatever order they came in. LIFE is 1 until a run is resurrected. With an id
all events of the run are listed in order of arrival, each with every request that told it.`
}

// Run lists or tells.
func (c *runsCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	if c.ID == "" {
		all := api.AllRuns(ctx, view.RunQuery{
			Range: c.span(), Paging: c.paging(), Source: c.Source, Kind: c.Kind, Status: strings.ReplaceAll(c.Status, "-", "_"),
			ActorID: c.Actor, TaskID: c.Task,
		})
		return printList(&c.listFlags, std, all, "No runs.", runTable)
	}
	t, err := api.Run(ctx, c.Source, c.Kind, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, t)
	}
	return tell(std.out, &t)
}

func runTable(out io.Writer, runs []view.Run) error {
	t := newTable(out, "FIRST SEEN", "RUN", "KIND", "STATUS", "LIFE", "EVENTS", "LAST EVENT", "SOURCE")
	for _, r := range runs {
		t.row(local(r.FirstSeenAt), r.RunID, r.Kind, r.Status, number(r.Life+1), number(r.Events), local(r.UpdatedAt), r.Source)
	}
	return t.flush()
}

// tell writes a run's story: its events in order of arrival, under each the requests that told it again.
func tell(out io.Writer, t *view.Timeline) error {
	var b strings.Builder
	r := &t.Run
	life := ""
	if r.Life > 0 {
		life = fmt.Sprintf(" in its life %d", r.Life+1)
	}
	fmt.Fprintf(&b, "%s %s of source %s: %s%s\n", r.Kind, printable(r.RunID), printable(r.Source), printable(r.Status), life)
	fmt.Fprintf(&b, "actor %s, task %s\n", printable(orDash(r.ActorID)), printable(orDash(r.TaskID)))
	fmt.Fprintf(&b, "first seen %s, last event %s, %s, %s\n", local(r.FirstSeenAt), local(r.UpdatedAt),
		plural(r.Events, "event"), plural(len(t.Receipts), "request"))
	again := map[string][]*view.Receipt{}
	for i := range t.Receipts {
		again[t.Receipts[i].EventID] = append(again[t.Receipts[i].EventID], &t.Receipts[i])
	}
	for i := range t.Events {
		tellEvent(&b, &t.Events[i], again[t.Events[i].ID])
	}
	if t.EventsCut || t.ReceiptsCut {
		b.WriteString("\nThere is more than is shown; 'dedupgate events --run' has all events.\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func tellEvent(b *strings.Builder, e *view.Event, receipts []*view.Receipt) {
	fmt.Fprintf(b, "\n%s  %s  %s\n", localMillis(e.ReceivedAt), printable(orDash(e.Type)), tellOutcome(e))
	fmt.Fprintf(b, "    event %s, happened %s\n", e.ID, localOf(e.OccurredAt))
	t := newTable(b)
	for _, r := range receipts {
		if r.ID == e.FirstReceiptID {
			t.row("    first told by dispatch "+orDash(r.DispatchID), r.Reason+flags(r))
			continue
		}
		t.row("    "+after(r)+" by dispatch "+orDash(r.DispatchID), r.Reason+", "+repeatText(r.Repeat)+flags(r))
	}
	_ = t.flush() // a strings.Builder takes everything
}

func tellOutcome(e *view.Event) string {
	switch e.Outcome {
	case "late":
		return "late: the run had moved on"
	case "updated":
		return "updated the run"
	default:
		return printable(e.Outcome)
	}
}

func after(r *view.Receipt) string {
	if r.LagMillis == nil {
		return "again"
	}
	return "again after " + lasting(time.Duration(*r.LagMillis)*time.Millisecond)
}

func repeatText(repeat string) string {
	switch repeat {
	case "retry":
		return "a retry"
	case "twin":
		return "another webhook"
	default:
		return "of unknown kind"
	}
}

func flags(r *view.Receipt) string {
	text := ""
	if r.Degraded {
		text += ", without Redis"
	}
	if r.Via == "quarantine" {
		text += ", replayed from quarantine"
	}
	return text
}

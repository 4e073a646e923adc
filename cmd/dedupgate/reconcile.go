package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/app"
)

// reconcileCmd asks Apify for events that never came.
type reconcileCmd struct {
	configFlag
	Since  when `placeholder:"WHEN" help:"Look back as far as this, instead of to two days before the last pass: how long ago (90m, 24h, 7d), a day, or a time."`
	DryRun bool `help:"Only say what is missing."`
	JSON   bool `name:"json" help:"Print one JSON object, times in UTC."`
}

// Help is shown by --help.
func (*reconcileCmd) Help() string {
	return `Compares what Apify had to tell with what is on record: dispatches that Apify has given up on, or that were answered
2xx and yet are not there, and, for sources with reconcile: runs, ends of runs that no webhook told. What is missing goes through
the gate like any request, under the key that the webhook's own request would have had, so nothing is told twice; its receipt says
"reconciled". A running gateway with apify.token does the same by itself, every apify.reconcile_every.

Needs apify.token and http.public_url. Exits 1 when something is left to do: found by a dry run, or not injected.`
}

// Run makes one pass.
func (c *reconcileCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	report, err := app.Reconcile(ctx, cfg, apify.PassOptions{Since: c.Since.Time, DryRun: c.DryRun}, build(), slog.New(slog.DiscardHandler))
	if err != nil && len(report.Missing) == 0 {
		return err
	}
	if saying := c.say(std.out, &report); saying != nil {
		return saying
	}
	if err == nil && len(report.Missing) > report.Count(apify.ResultInjected)+report.Count(apify.ResultKnown) {
		return errSaid
	}
	return err
}

func (c *reconcileCmd) say(out io.Writer, report *apify.Report) error {
	if c.JSON {
		return printJSON(out, report)
	}
	if report.Elsewhere {
		_, err := fmt.Fprintln(out, "another process is just looking; try again when it has finished")
		return err
	}
	if len(report.Missing) > 0 {
		if err := missingTable(out, report.Missing); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	_, err := fmt.Fprintf(out, "looked at %s and %s since %s: %s\n", counted(report.Dispatches, "dispatch", "dispatches"),
		plural(report.Runs, "run"), local(report.From), outcomeOf(report))
	return err
}

func missingTable(out io.Writer, missing []apify.Missing) error {
	t := newTable(out, "AT", "WHY", "RESULT", "TYPE", "RUN", "SOURCE", "DISPATCH", "APIFY'S TRIES", "EVENT")
	for i := range missing {
		m := &missing[i]
		tries := "-"
		if m.Attempts > 0 {
			tries = fmt.Sprintf("%d, last answered %s", m.Attempts, answeredText(m.LastStatus))
		}
		t.row(local(m.At), string(m.Why), string(m.Result), m.Type, orDash(m.RunID), m.Source, orDash(m.DispatchID), tries, orDash(m.EventID))
	}
	return t.flush()
}

func answeredText(status int) string {
	if status == 0 {
		return "not at all"
	}
	return number(status)
}

// outcomeOf sums a pass up.
func outcomeOf(report *apify.Report) string {
	if len(report.Missing) == 0 && report.Active == 0 {
		return "nothing is missing"
	}
	var parts []string
	for _, of := range []struct {
		n    int
		text string
	}{
		{report.Count(apify.ResultFound), "missing (dry run: nothing was done)"},
		{report.Count(apify.ResultInjected), "missing and injected"},
		{report.Count(apify.ResultKnown), "known by now"},
		{report.Count(apify.ResultUnclear), "that can't be told from an event on record, left alone"},
		{report.Count(apify.ResultNoIdentity), "that can't become events, see quarantine list"},
		{report.Active, "still being tried by Apify"},
	} {
		if of.n > 0 {
			parts = append(parts, number(of.n)+" "+of.text)
		}
	}
	return strings.Join(parts, ", ")
}

// counted is "1 dispatch" or "3 dispatches".
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

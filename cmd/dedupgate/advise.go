package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

// adviseCmd tells which windows would do.
type adviseCmd struct {
	apiFlags
	dataDirFlag
	Source string `arg:"" optional:"" help:"Tell all about this source's window."`
	Type   string `placeholder:"TYPE" help:"With a source: only this event type, such as ACTOR.RUN.FAILED."`
	Window length `placeholder:"LENGTH" help:"With a source: what this window would do (90s, 36h, 3d), and the YAML to set it."`
	Since  when   `placeholder:"WHEN" default:"30d" help:"From the repeats since: how long ago (24h, 7d), a day, or a time."`
	JSON   bool   `name:"json" help:"JSON as the API gives it."`
}

// Help is shown by --help.
func (adviseCmd) Help() string {
	return `A window is how long Redis remembers an event. A repeat that comes later is caught all the same, by the database: the window
decides what that costs. What is computed from are the times between first deliveries and their repeats; every share is a lower
bound. A shorter window is suggested only after repeats were watched for as long as the window is, and no less than the 43 hours
over which Apify retries: before that, later ones may be still to come. The dashboard's page on windows says the same.`
}

// Run advises.
func (c *adviseCmd) Run(ctx context.Context, std streams) error {
	if c.Source == "" && (c.Type != "" || c.Window != 0) {
		return errors.New("--type and --window need a source: dedupgate advise <source>")
	}
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	span := view.Range{Since: c.Since.Time}
	if c.Source == "" {
		return c.list(ctx, std, api, span)
	}
	w, err := api.WindowAdvice(ctx, view.WindowQuery{Range: span, Source: c.Source, Type: c.Type, Window: time.Duration(c.Window)})
	if errors.Is(err, view.ErrNotFound) {
		return fmt.Errorf("%w ('dedupgate advise' lists the sources with their windows)", err)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, w)
	}
	return tellWindow(std.out, &w)
}

func (c *adviseCmd) list(ctx context.Context, std streams, api *client.Client, span view.Range) error {
	list, err := api.Windows(ctx, span)
	if err != nil {
		return err
	}
	if c.JSON {
		for _, s := range list {
			if err := printJSON(std.out, s); err != nil {
				return err
			}
		}
		return nil
	}
	return showItems(std.out, list, "No sources.", windowTable)
}

func windowTable(out io.Writer, list []view.WindowSummary) error {
	t := newTable(out, "SOURCE", "TYPE", "REPEATS", "WATCHED", "WINDOW", "CAUGHT", "SUGGESTED")
	for _, s := range list {
		eventType, watched, caught := s.Type, "-", "-"
		if eventType == "" {
			eventType = "(all)"
		}
		if s.Repeats > 0 {
			watched, caught = watchedFor(&s), advise.Percent(s.Caught)
		}
		t.row(s.Source, eventType, number(s.Repeats), watched, s.Setting.Window, caught, suggestion(&s))
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\n'dedupgate advise <source>' tells why.")
	return err
}

// suggestion is a window that would do better, or why there is none yet.
func suggestion(s *view.WindowSummary) string {
	switch advise.Verdict(s.Verdict) {
	case advise.TooEarly:
		return "too early to say"
	case advise.Right:
		return "keep"
	default:
		return orDash(s.Suggested)
	}
}

func watchedFor(s *view.WindowSummary) string {
	return advise.About(time.Duration(s.WatchedMillis) * time.Millisecond)
}

// tellWindow prints all that is known of a window.
func tellWindow(out io.Writer, w *view.WindowAdvice) error {
	fmt.Fprintf(out, "%s\n%s\n\n", printable(w.Text), printable(w.Now.Text))
	t := newTable(out, "A WINDOW OF", "CATCHES AT LEAST", "LEAVES A DAY", "TAKES")
	for _, d := range comparedWindows(time.Duration(w.Setting.WindowMillis) * time.Millisecond) {
		caught := caughtBy(w.Curve, d)
		mark := ""
		if d.Milliseconds() == w.Setting.WindowMillis {
			mark = " (in force since " + local(w.Setting.Since) + ")"
		}
		left := (1 - caught) * float64(w.Repeats) / math.Max(w.Until.Sub(w.Since).Hours()/24, 1.0/24)
		t.row(advise.Span(d)+mark, advise.Percent(caught), strconv.FormatFloat(left, 'f', 1, 64),
			advise.Bytes(int64(w.Cost.BytesPerKey*w.Cost.EventsPerSecond*d.Seconds())))
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%.0f bytes a key (%s), %.3g events a second", w.Cost.BytesPerKey, measured(&w.Cost), w.Cost.EventsPerSecond)
	fmt.Fprintf(out, "; from %s since %s, watched for %s.\n", plural(w.Repeats, "repeat"), local(w.Since), watchedFor(&w.WindowSummary))
	for _, note := range w.Notes {
		fmt.Fprintln(out, "* "+printable(note))
	}
	if len(w.LateHits) > 0 {
		fmt.Fprintln(out, "\nThe latest that only the database caught:")
		if err := lateTable(out, w.LateHits); err != nil {
			return err
		}
	}
	if c := w.Chosen; c != nil {
		fmt.Fprintf(out, "\n%s\n", printable(c.Text))
		if c.YAML != "" {
			fmt.Fprintf(out, "To set it:\n\n%s", printableLines(c.YAML))
		}
	}
	return nil
}

func measured(c *view.WindowCost) string {
	if c.BytesMeasured == "live" {
		return "measured on " + plural(c.KeysMeasured, "key")
	}
	return "as benchmarked"
}

// comparedWindows are what people would choose from, with the one in force.
func comparedWindows(current time.Duration) []time.Duration {
	const day = 24 * time.Hour
	list := []time.Duration{current, 5 * time.Minute, time.Hour, 6 * time.Hour, 12 * time.Hour, day, 36 * time.Hour, 3 * day, 7 * day, 30 * day}
	slices.Sort(list)
	return slices.Compact(list)
}

// caughtBy reads the curve.
func caughtBy(c view.WindowCurve, window time.Duration) (share float64) {
	millis := float64(window) / float64(time.Millisecond)
	for i, w := range c.WindowsMillis {
		if w > millis {
			break
		}
		share = c.Caught[i]
	}
	return share
}

func lateTable(out io.Writer, list []view.Receipt) error {
	const shown = 10
	t := newTable(out, "RECEIVED", "LAG", "TYPE", "REPEAT", "EVENT")
	for _, r := range list[:min(len(list), shown)] {
		lag := "-"
		if r.LagMillis != nil {
			lag = lasting(time.Duration(*r.LagMillis) * time.Millisecond)
		}
		t.row(local(r.ReceivedAt), lag, orDash(r.Type), r.Repeat, r.EventID)
	}
	return t.flush()
}

// printableLines makes text safe for a terminal line by line.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// length is a length of time with days.
type length time.Duration

// UnmarshalText reads it.
func (l *length) UnmarshalText(text []byte) error {
	s := string(text)
	var sum time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errNoLength
		}
		sum, s = time.Duration(n)*24*time.Hour, rest
	}
	if s != "" {
		rest, err := time.ParseDuration(s)
		if err != nil || rest < 0 {
			return errNoLength
		}
		sum += rest
	}
	if sum <= 0 {
		return errNoLength
	}
	*l = length(sum)
	return nil
}

var errNoLength = errors.New("want a length like 90s, 36h or 3d")

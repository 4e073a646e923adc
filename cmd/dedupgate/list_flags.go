package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// listFlags are shared by all listings.
type listFlags struct {
	Since  when   `placeholder:"WHEN" help:"Only what came in since: how long ago (90m, 24h, 7d), a day (2026-09-14), or a time (2026-09-14T10:00:00Z)."`
	Until  when   `placeholder:"WHEN" help:"Only what came in before."`
	Source string `placeholder:"NAME" help:"Only of this source."`
	Limit  int    `short:"n" default:"50" help:"How many at most, newest first; 0 for all."`
	JSON   bool   `name:"json" help:"One JSON object a line, times in UTC."`
}

func (f *listFlags) span() view.Range { return view.Range{Since: f.Since.Time, Until: f.Until.Time} }

// paging asks for one more than is shown, to know whether there are more.
func (f *listFlags) paging() view.Paging {
	if f.Limit <= 0 || f.Limit >= view.MaxLimit {
		return view.Paging{Limit: view.MaxLimit}
	}
	return view.Paging{Limit: f.Limit + 1}
}

// print writes a listing: JSON line by line as it comes, or a table when it is complete. What nothing is called is said
// when there is nothing.
func printList[T any](f *listFlags, std streams, all iter.Seq2[T, error], none string, show func(io.Writer, []T) error) error {
	var items []T
	more := false
	n := 0
	for v, err := range all {
		if err != nil {
			return err
		}
		if more = f.Limit > 0 && n == f.Limit; more {
			break
		}
		n++
		if !f.JSON {
			items = append(items, v)
			continue
		}
		if err := printJSON(std.out, v); err != nil {
			return err
		}
	}
	if !f.JSON {
		if err := showItems(std.out, items, none, show); err != nil {
			return err
		}
	}
	if more {
		fmt.Fprintf(std.err, "There are more: --limit 0 shows all, --since and --until choose.\n")
	}
	return nil
}

func showItems[T any](out io.Writer, items []T, none string, show func(io.Writer, []T) error) error {
	if len(items) == 0 {
		_, err := fmt.Fprintln(out, none)
		return err
	}
	return show(out, items)
}

// when is a point in time given as one, as a day, or as how long ago.
type when struct{ time.Time }

// UnmarshalText reads it.
func (w *when) UnmarshalText(text []byte) error {
	at, err := parseWhen(string(text), time.Now())
	w.Time = at
	return err
}

func parseWhen(s string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return at, nil
		}
	}
	ago, err := parseAge(s)
	if err != nil {
		return time.Time{}, errors.New("want how long ago (90m, 24h, 7d), a day (2026-09-14) or a time (2026-09-14T10:00:00Z)")
	}
	return now.Add(-ago), nil
}

// age is how long something has lasted.
type age struct{ time.Duration }

// UnmarshalText reads it.
func (a *age) UnmarshalText(text []byte) error {
	d, err := parseAge(string(text))
	a.Duration = d
	return err
}

// parseAge reads a duration, in days too.
func parseAge(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < 0 {
		return 0, errors.New("want how long: 90m, 24h, 7d")
	}
	return d, nil
}

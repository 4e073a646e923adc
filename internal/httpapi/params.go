package httpapi

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// PageParams choose a page of a listing. (Exported because huma reads exported fields only.)
type PageParams struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Entries on a page."`
	Cursor string `query:"cursor" maxLength:"512" doc:"The 'next' of an earlier page, unchanged; its filters must be repeated."`
}

func (p PageParams) paging() view.Paging { return view.Paging{Limit: p.Limit, Cursor: p.Cursor} }

// TimeParams choose a time range.
type TimeParams struct {
	Since string `query:"since" maxLength:"64" example:"24h" doc:"Start, inclusive: RFC 3339, or how long ago, like 90m, 24h or 7d."`
	Until string `query:"until" maxLength:"64" doc:"End, exclusive: RFC 3339, or how long ago."`
}

var errNotATime = errors.New("want RFC 3339 like 2026-09-14T10:00:00Z, or how long ago, like 90m, 24h or 7d")

// window reads both ends. An error is a problem for the client.
func (p TimeParams) window(now time.Time) (view.Range, error) {
	return spanOf("query", p.Since, p.Until, now)
}

// spanOf reads both ends of a range; location says where they stand.
func spanOf(location, from, to string, now time.Time) (view.Range, error) {
	since, err := parseWhen(from, now)
	if err != nil {
		return view.Range{}, badParameter(location+".since", err.Error(), from)
	}
	until, err := parseWhen(to, now)
	if err != nil {
		return view.Range{}, badParameter(location+".until", err.Error(), to)
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return view.Range{}, badParameter(location+".until", "must be later than since", to)
	}
	return view.Range{Since: since, Until: until}, nil
}

// parseWhen reads a time: "" is the zero time, a duration counts back from now.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC(), nil
	}
	ago, err := parseAgo(s)
	if err != nil || ago < 0 {
		return time.Time{}, errNotATime
	}
	return now.Add(-ago).UTC(), nil
}

// maxAgo keeps days from overflowing a duration.
const maxAgo = 100 * 365

func parseAgo(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxAgo {
			return 0, errNotATime
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}

// parseID gives the canonical form of an id; "" stays "" for filters that are not set.
func parseID(location, s string) (string, error) {
	if s == "" {
		return "", nil
	}
	id, err := dedup.ParseID(s)
	if err != nil {
		return "", badParameter(location, err.Error(), s)
	}
	return id.String(), nil
}

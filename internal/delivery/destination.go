package delivery

import (
	"net/netip"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Destination is a configured receiver. A value given out is never changed; a reload makes a new one.
type Destination struct {
	Name string
	URL  *url.URL
	// Secrets sign every request (Standard Webhooks), each with a signature of its own: two during a rotation. Raw bytes.
	Secrets [][]byte
	// Timeout of one attempt, from dialing to the last byte read of the answer.
	Timeout time.Duration
	Retry   Retry
	// Concurrency bounds the attempts under way at once, in one process.
	Concurrency int
	// Rate bounds attempts a second, in one process; 0: unbounded.
	Rate float64
	// Headers are sent along with every request.
	Headers map[string]string
	// Sources names the sources whose events go here; empty: all.
	Sources []string
	// EventTypes are patterns as of [path.Match] of the types that go here; empty: all.
	EventTypes []string
	// Late and Test let late events and TEST events go here too.
	Late, Test bool
	// Ordered makes a delivery wait for the earlier ones of its run.
	Ordered bool
	// AllowHTTP lets the URL be http; AllowPrivate are ranges that may be dialed although they are not public.
	AllowHTTP    bool
	AllowPrivate []netip.Prefix
}

// Wants reports whether an event goes to the destination. Duplicates and quarantined requests are no events and go nowhere.
func (d *Destination) Wants(e Event) bool {
	switch e.Outcome {
	case dedup.OutcomeNew, dedup.OutcomeUpdated:
	case dedup.OutcomeLate:
		if !d.Late {
			return false
		}
	case dedup.OutcomeTest:
		if !d.Test {
			return false
		}
	default:
		return false
	}
	if len(d.Sources) > 0 && !slices.Contains(d.Sources, e.Source) {
		return false
	}
	return len(d.EventTypes) == 0 || slices.ContainsFunc(d.EventTypes, func(pattern string) bool {
		ok, _ := path.Match(pattern, e.Type) // patterns were checked with the configuration
		return ok
	})
}

package forward

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/failsafe-go/failsafe-go/ratelimiter"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// maxWorkers is River's bound of a queue's workers.
const (
	maxWorkers     = 10_000
	maxConcurrency = maxWorkers / 2
)

// queueName is what a destination can be called: its queue has the same name. River allows little more.
var queueName = regexp.MustCompile(`^[a-z0-9]+([-_][a-z0-9]+)*$`)

// route is a destination with what this process knows of it: breaker, pace and connections.
type route struct {
	*delivery.Destination
	sender  *sender
	breaker *breaker
	pace    ratelimiter.RateLimiter[any] // nil: unbounded
	places  chan struct{}                // as many as attempts may be under way
}

// leave gives up a place.
func (r *route) leave() { <-r.places }

// workers is how many jobs of the destination are worked at once: while as many as may be under way wait for the receiver,
// as many others are fetched, or have their results stored.
func (r *route) workers() int { return min(2*r.Concurrency, maxWorkers) }

// routes are all destinations of one configuration. A value is never changed.
type routes struct {
	byName map[string]*route
	names  []string // sorted
}

// newRoutes keeps of the old routes what is not touched by the change: connections, the pace, and what the breaker knows
// while the URL is the same.
func newRoutes(destinations []*delivery.Destination, old *routes, agent string, breakerOf func(name string) *breaker) (*routes, error) {
	r := &routes{byName: make(map[string]*route, len(destinations))}
	for _, d := range destinations {
		if err := valid(d); err != nil {
			return nil, err
		}
		if r.byName[d.Name] != nil {
			return nil, fmt.Errorf("destination %q is there twice", d.Name)
		}
		made := &route{Destination: d, sender: &sender{destination: d, agent: agent}}
		made.inherit(old.byName[d.Name], breakerOf)
		r.byName[d.Name] = made
	}
	r.names = slices.Sorted(maps.Keys(r.byName))
	return r, nil
}

func valid(d *delivery.Destination) error {
	switch {
	case !queueName.MatchString(d.Name) || len(d.Name) > 64:
		return fmt.Errorf("destination %q: a name is at most 64 small letters, digits and single hyphens between them", d.Name)
	case d.URL == nil || d.URL.Host == "":
		return fmt.Errorf("destination %q has no URL to send to", d.Name)
	case d.Timeout <= 0 || d.Concurrency < 1 || d.Concurrency > maxConcurrency:
		return fmt.Errorf("destination %q needs a positive timeout and a concurrency of 1 to %d", d.Name, maxConcurrency)
	case d.Retry.Attempts < 1:
		return fmt.Errorf("destination %q: at least one attempt has to be allowed", d.Name)
	default:
		return nil
	}
}

func (r *route) inherit(old *route, breakerOf func(string) *breaker) {
	if old != nil && *old.URL == *r.URL {
		r.breaker = old.breaker
	} else {
		r.breaker = breakerOf(r.Name)
	}
	if old != nil && sameDialing(old.Destination, r.Destination) {
		r.sender.transport = old.sender.transport
	} else {
		r.sender.transport = newTransport(r.Destination)
	}
	if old != nil && old.Concurrency == r.Concurrency {
		r.places = old.places
	} else {
		r.places = make(chan struct{}, r.Concurrency)
	}
	switch {
	case r.Rate <= 0:
	case old != nil && old.Rate == r.Rate:
		r.pace = old.pace
	default:
		r.pace = ratelimiter.NewSmoothWithMaxRate[any](time.Duration(float64(time.Second) / r.Rate))
	}
}

// release closes the connections that no route of now uses any more.
func (r *routes) release(now *routes) {
	for name, was := range r.byName {
		if is := now.byName[name]; is == nil || is.sender.transport != was.sender.transport {
			was.sender.transport.CloseIdleConnections()
		}
	}
}

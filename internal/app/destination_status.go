package app

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/forward"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/view"
)

// mergeDestinations puts together what the configuration, the database and the forwarder know, by name.
func mergeDestinations(
	cfg *config.Config, counts []view.DestinationStats, states []forward.DestinationState, now time.Time,
) []view.DestinationStatus {
	byName := map[string]*view.DestinationStatus{}
	of := func(name string) *view.DestinationStatus {
		if byName[name] == nil {
			byName[name] = &view.DestinationStatus{}
			byName[name].Destination = name
		}
		return byName[name]
	}
	for i := range cfg.Destinations {
		d := &cfg.Destinations[i]
		s := of(d.Name)
		s.Configured, s.URL, s.Ordered = true, d.URL.String(), d.Ordered
	}
	for _, c := range counts {
		s := of(c.Destination)
		s.DestinationStats = c
		if c.OldestAt != nil {
			s.BacklogAge = max(0, now.Sub(*c.OldestAt).Milliseconds())
		}
	}
	for _, state := range states {
		s := of(state.Name)
		s.Paused, s.Breaker = state.Paused, string(state.Breaker)
	}
	all := make([]view.DestinationStatus, 0, len(byName))
	for _, s := range byName {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b view.DestinationStatus) int { return cmp.Compare(a.Destination, b.Destination) })
	return all
}

// statusInterval is how often deliveries are counted for the metrics.
const statusInterval = 15 * time.Second

// readDestinations brings the gauges of destinations up to date.
func (a *App) readDestinations(ctx context.Context) {
	if all, err := a.Destinations(ctx); err == nil {
		a.metrics.SetDestinationStatus(gauged(all))
	}
}

func gauged(all []view.DestinationStatus) []metrics.Destination {
	out := make([]metrics.Destination, len(all))
	for i, s := range all {
		out[i] = metrics.Destination{
			Name: s.Destination, Breaker: s.Breaker, Paused: s.Paused, Backlog: time.Duration(s.BacklogAge) * time.Millisecond,
			Deliveries: map[delivery.State]int64{
				delivery.Pending: s.Pending, delivery.Held: s.Held, delivery.Delivering: s.Delivering, delivery.Retrying: s.Retrying, delivery.Dead: s.Dead,
			},
		}
	}
	return out
}

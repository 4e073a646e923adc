package app

import (
	"context"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/forward"
	"github.com/dedupgate/dedupgate/internal/view"
)

// sayWhatWaits fills in what holds up deliveries whose attempt is due, as far as this process knows.
func (a *App) sayWhatWaits(ctx context.Context, list []view.Delivery) error {
	if !slices.ContainsFunc(list, func(d view.Delivery) bool { return canBeAttempted(&d) }) {
		return nil
	}
	conditions, err := a.forwarder.Conditions(ctx)
	if err != nil {
		return err
	}
	behind, err := a.behindEarlier(ctx, list, conditions)
	if err != nil {
		return err
	}
	now := time.Now()
	for i := range list {
		c, configured := conditions[list[i].Destination]
		list[i].WaitsFor = waitsFor(&list[i], c, configured, behind[list[i].ID], now)
	}
	return nil
}

// behindEarlier are the ids of deliveries that wait for an earlier one of their run.
func (a *App) behindEarlier(ctx context.Context, list []view.Delivery, conditions map[string]forward.Condition) (map[string]bool, error) {
	var ids []dedup.ID
	for i := range list {
		if !canBeAttempted(&list[i]) || !conditions[list[i].Destination].Ordered {
			continue
		}
		id, err := dedup.ParseID(list[i].ID)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	blocked, err := a.ledger.Blocked(ctx, ids)
	behind := make(map[string]bool, len(blocked))
	for _, id := range blocked {
		behind[id.String()] = true
	}
	return behind, err
}

// canBeAttempted: it is neither over nor under way, and nobody holds it.
func canBeAttempted(d *view.Delivery) bool {
	return d.State == string(delivery.Pending) || d.State == string(delivery.Retrying)
}

// waitsFor looks at what can hold up an attempt in the order of the forwarder: "" when nothing does, or only its own time.
func waitsFor(d *view.Delivery, c forward.Condition, configured, behind bool, now time.Time) string {
	switch {
	case !canBeAttempted(d):
		return ""
	case !configured:
		return view.WaitsForConfiguration
	case c.Paused:
		return view.WaitsForResume
	case d.NextAttemptAt != nil && d.NextAttemptAt.After(now):
		return ""
	case behind:
		return view.WaitsForEarlier
	case c.Breaker != forward.BreakerClosed:
		return view.WaitsForBreaker
	default:
		return ""
	}
}

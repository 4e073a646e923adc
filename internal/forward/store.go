package forward

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Store keeps what is true of deliveries; River's jobs only say when to look at one. Calls are batched over everything that
// waits at the same moment. It is safe for concurrent use.
type Store interface {
	// Begin marks deliveries as delivering, counts the attempt and returns what to send, in any order. Ids that are over or
	// held, or that it does not know, are left out. A delivery that already was delivering lost an attempt with its process:
	// the store keeps that one with an error of its own.
	Begin(ctx context.Context, ids []dedup.ID) ([]delivery.Shipment, error)
	// Blocked returns those of ids that must wait for an earlier delivery of the same run to the same destination: one with
	// a lower seq, not a replay, not over.
	Blocked(ctx context.Context, ids []dedup.ID) ([]dedup.ID, error)
	// Finish stores attempts and moves their deliveries on, except those that an operator has cancelled meanwhile. Called
	// again with the same results, after an unclear commit for example, it changes nothing.
	Finish(ctx context.Context, results []delivery.Result) error
}

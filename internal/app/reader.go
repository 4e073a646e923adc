package app

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/view"
)

// reader is the ledger with what only this process and Redis know.
type reader struct {
	*ledger.Ledger
	redis *redisfront.Front
	gate  *dedup.Gate
}

// Stats adds the receipts that are still on their way to the ledger's sums.
func (r reader) Stats(ctx context.Context, within view.Range) (view.Stats, error) {
	// Asked first: a hit that is drained in between is then seen twice rather than not at all.
	waiting, err := r.redis.HitsWaiting(ctx)
	if err != nil {
		waiting = -1
	}
	stats, err := r.Ledger.Stats(ctx, within)
	stats.HitsWaiting, stats.Unrecorded = waiting, r.gate.Unrecorded()
	return stats, err
}

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/httpapi"
)

// oversizePlaces is how many bodies over the limit are being kept at once. Each takes a transaction of its own, which events
// don't: more would let who sends nothing but large bodies take the database's connections away from them.
const oversizePlaces = 2

// oversizeStore is the ledger, as far as bodies over the limit are concerned.
type oversizeStore interface {
	KeepOversize(ctx context.Context, in *dedup.Inbound, size int64) error
}

// oversizeKeeper keeps the starts of bodies over the limit under the rules that events have: within the time of one decision,
// charged to their source and client, and refused at once when too many are waiting.
type oversizeKeeper struct {
	store   oversizeStore
	limiter dedup.Limiter
	timeout time.Duration
	places  chan struct{}
}

var _ httpapi.OversizeKeeper = (*oversizeKeeper)(nil)

func newOversizeKeeper(store oversizeStore, limiter dedup.Limiter, timeout time.Duration) *oversizeKeeper {
	return &oversizeKeeper{store: store, limiter: limiter, timeout: timeout, places: make(chan struct{}, oversizePlaces)}
}

// KeepOversize implements [httpapi.OversizeKeeper]. What the store does not confirm is unavailable: its sender comes again, and
// equal starts are folded.
func (k *oversizeKeeper) KeepOversize(ctx context.Context, in *dedup.Inbound, size int64) error {
	select {
	case k.places <- struct{}{}:
		defer func() { <-k.places }()
	default:
		return dedup.ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	if waits := k.limiter.Allow(ctx, []*dedup.Inbound{in}); len(waits) == 1 && waits[0] > 0 {
		return &dedup.LimitedError{RetryAfter: waits[0]}
	}
	err := k.store.KeepOversize(ctx, in, size)
	if err != nil && !errors.Is(err, dedup.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", dedup.ErrUnavailable, err)
	}
	return err
}

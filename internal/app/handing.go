package app

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/view"
)

// handing is what operators do about deliveries: the ledger's answers with what deliveries wait for, and no replay to a
// destination that is not there.
type handing struct {
	*ledger.Ledger
	app *App
}

// Deliveries implements [httpapi.Deliveries].
func (h handing) Deliveries(ctx context.Context, q view.DeliveryQuery) (view.Page[view.Delivery], error) {
	p, err := h.Ledger.Deliveries(ctx, q)
	if err == nil {
		err = h.app.sayWhatWaits(ctx, p.Items)
	}
	return p, err
}

// Delivery implements [httpapi.Deliveries].
func (h handing) Delivery(ctx context.Context, id string) (view.DeliveryHistory, error) {
	history, err := h.Ledger.Delivery(ctx, id)
	if err != nil {
		return history, err
	}
	one := []view.Delivery{history.Delivery}
	err = h.app.sayWhatWaits(ctx, one)
	history.Delivery = one[0]
	return history, err
}

// Stuck implements [httpapi.Deliveries].
func (h handing) Stuck(ctx context.Context, q view.StuckQuery) (view.StuckReport, error) {
	r, err := h.Ledger.Stuck(ctx, q)
	if err == nil {
		err = h.app.sayWhatWaits(ctx, r.Deliveries)
	}
	return r, err
}

// Replay implements [httpapi.Deliveries].
func (h handing) Replay(ctx context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error) {
	if err := h.app.mustBeConfigured(s.Destination); err != nil {
		return view.Changed{}, err
	}
	return h.Ledger.Replay(ctx, s, act)
}

// Backfill implements [httpapi.Deliveries].
func (h handing) Backfill(ctx context.Context, s view.ReplaySelection, act view.Act) (view.Changed, error) {
	if err := h.app.mustBeConfigured(s.Destination); err != nil {
		return view.Changed{}, err
	}
	return h.Ledger.Backfill(ctx, s, act)
}

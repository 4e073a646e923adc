package app

import "github.com/dedupgate/dedupgate/internal/bodies"

// openOtherBodies starts to keep what repeats tell in other words. It is stopped after the gate, whose last answers it is
// offered too.
func (a *App) openOtherBodies() error {
	most := func() int { return a.watcher.Current().Dedup.OtherBodies }
	a.ledger.SetOtherBodies(most)
	keeper, err := bodies.NewKeeper(bodies.Options{
		Store: a.ledger, Wanted: func() bool { return most() > 0 }, Meter: a.metrics, Busy: a.crowded, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.otherBodies = keeper
	a.parts.started("keeper of other bodies", keeper.Close)
	return nil
}

package app

import (
	"context"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
)

// gaugeInterval is how often figures are read that would cost a store's time at every scrape.
const gaugeInterval = 5 * time.Second

// readGauges brings the figures up to date that no request passes by.
func (a *App) readGauges(ctx context.Context) {
	if n, err := a.redis.HitsWaiting(ctx); err == nil {
		a.metrics.SetHitsWaiting(n)
	} else {
		a.metrics.SetHitsWaiting(-1)
	}
	if n, err := a.ledger.DefaultPartitionRows(ctx); err == nil {
		a.metrics.SetDefaultPartitionRows(n)
	}
}

func retention(cfg *config.Config) ledger.Retention {
	r := cfg.Retention
	return ledger.Retention{
		Receipts: time.Duration(r.Receipts), Bodies: time.Duration(r.Bodies), Keys: time.Duration(r.Keys), Quarantine: time.Duration(r.Quarantine),
	}
}

// reloaded puts a new configuration in force: windows, leases, sources, destinations and the log level. What is asked for
// each time (body limit, retention) needs nothing here.
func (a *App) reloaded(old, next *config.Config) {
	if err := a.sources.set(next, a.madeToken); err != nil {
		a.log.Error("sources not reloaded, the old ones stay in force", "error", err) // validated before: a defect
		return
	}
	a.metrics.SetSources(sourceNames(next))
	a.reloadGuarding(next)
	a.reloadApify(old, next)
	a.board.settings.put(next, time.Now())
	if tokens, err := accessTokens(next); err != nil {
		a.log.Error("operators' tokens not reloaded, the old ones stay in force", "error", err)
	} else if err := a.desk.SetTokens(tokens); err != nil {
		a.log.Error("operators' tokens not reloaded, the old ones stay in force", "error", err)
	}
	if err := a.setDestinations(next); err != nil {
		a.log.Error("destinations not reloaded, the old ones stay in force", "error", err) // validated before: a defect
	}
	if a.opts.Level != nil {
		_ = a.opts.Level.UnmarshalText([]byte(next.Log.Level)) // validated
	}
}

// DatabaseTakesWrites reports whether the last probe found the database writable.
func (a *App) DatabaseTakesWrites() bool { return a.ledger.Ready() == nil }

// Redis is text for operators.
func (a *App) Redis() string { return a.redis.State().String() }

// maintain probes the database, makes partitions ahead and applies retention, until ctx ends.
func (a *App) maintain(ctx context.Context) {
	a.ledger.Run(ctx, func() ledger.Retention { return retention(a.watcher.Current()) })
}

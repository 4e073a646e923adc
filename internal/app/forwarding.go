package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/forward"
	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/view"
)

// migratesQueue brings the tables of River up to date too, under the lock of the ledger's migrations.
func migratesQueue(o ledger.Options, log *slog.Logger) ledger.Options {
	o.Also = func(ctx context.Context, db ledger.Handles) error {
		steps, err := forward.Migrate(ctx, forward.Database(db), log)
		for _, s := range steps {
			log.Info("migration of the queue applied", "version", s.Version, "name", s.Name)
		}
		return err
	}
	return o
}

// startForwarding starts to hand events on. The gate is there by then: attempts give way to those who wait in it.
func (a *App) startForwarding(ctx context.Context, cfg *config.Config) error {
	if cfg.Embedded() && len(cfg.Destinations) > 0 {
		a.log.Info("embedded mode: destinations may be http:// and on this machine; production refuses both unless a destination allows it")
	}
	return a.forwarder.Start(ctx)
}

// prepareForwarding has whatever is recorded afterwards get its deliveries, held or not, and its look-up.
func (a *App) prepareForwarding(cfg *config.Config) error {
	f, err := forward.New(forward.Options{
		Database: forward.Database{Postgres: a.ledger.Postgres(), SQLite: a.ledger.SQLite()},
		Store:    a.ledger, Observer: observer{a.metrics}, Log: a.log, Version: a.opts.Build.Version,
		Busy: a.crowded,
	})
	if err != nil {
		return err
	}
	a.forwarder = f
	a.parts.started("forwarder", f.Stop)
	if err := a.setDestinations(cfg); err != nil {
		return err
	}
	a.ledger.SetOutbox(outbox{f, a.holds})
	a.ledger.SetDoubt(a.doubt)
	return nil
}

// setDestinations puts the configured destinations in force.
func (a *App) setDestinations(cfg *config.Config) error {
	all, err := buildDestinations(cfg)
	if err != nil {
		return err
	}
	a.metrics.SetDestinations(destinationNames(cfg))
	return a.forwarder.SetDestinations(all)
}

// outbox is the forwarder as the ledger asks for it.
type outbox struct {
	*forward.Forwarder
	holds func(delivery.Event) bool
}

// Route implements [ledger.Outbox].
func (o outbox) Route(e delivery.Event) []delivery.Route {
	names := o.Forwarder.Route(e)
	routes := make([]delivery.Route, len(names))
	hold := len(names) > 0 && o.holds(e)
	for i, name := range names {
		routes[i] = delivery.Route{Destination: name, Hold: hold}
	}
	return routes
}

// observer is the metrics as the forwarder tells them. Breakers are read with the other gauges, all of one moment.
type observer struct{ *metrics.Metrics }

// BreakerChanged implements [forward.Observer].
func (observer) BreakerChanged(string, forward.BreakerState) {}

// mustBeConfigured is an error for the name of a destination that is not configured; "" means none in particular.
func (a *App) mustBeConfigured(name string) error {
	names := destinationNames(a.watcher.Current())
	switch {
	case name == "", slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return fmt.Errorf("%w: %q; none is configured, add one under destinations in the configuration", httpapi.ErrNoDestination, name)
	default:
		return fmt.Errorf("%w: %q; there are %s", httpapi.ErrNoDestination, name, strings.Join(names, ", "))
	}
}

// Destinations implements [httpapi.Destinations].
func (a *App) Destinations(ctx context.Context) ([]view.DestinationStatus, error) {
	now := time.Now()
	stats, err := a.ledger.DeliveryStats(ctx, view.Range{Since: now, Until: now})
	if err != nil {
		return nil, err
	}
	states, err := a.forwarder.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	return mergeDestinations(a.watcher.Current(), stats.Destinations, states, now), nil
}

// PauseDestination implements [httpapi.Destinations].
func (a *App) PauseDestination(ctx context.Context, name string, act view.Act) error {
	return a.switchDestination(ctx, name, "destination.pause", act, a.forwarder.Pause)
}

// ResumeDestination implements [httpapi.Destinations].
func (a *App) ResumeDestination(ctx context.Context, name string, act view.Act) error {
	return a.switchDestination(ctx, name, "destination.resume", act, a.forwarder.Resume)
}

// switchDestination writes the audit first: nothing is switched that nobody can be asked about.
func (a *App) switchDestination(ctx context.Context, name, action string, act view.Act, apply func(context.Context, string) error) error {
	if err := a.mustBeConfigured(name); err != nil {
		return err
	}
	if err := a.ledger.Audit(ctx, ledger.AuditEntry{Actor: act.Actor, Action: action, Target: name, Reason: act.Reason}); err != nil {
		return err
	}
	return apply(ctx, name)
}

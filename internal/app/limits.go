package app

import (
	"sync/atomic"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/surge"
)

// guarding is what keeps a storm from taking everything, and what notices one.
type guarding struct {
	limiter *redisfront.Limiter
	storms  *surge.Watcher
	bounds  atomic.Pointer[httpapi.Limits] // of the listener, as the configuration in force says
}

// openGuarding makes the limiter and the watcher of storms; the gate needs the one, the public listener the other.
func (a *App) openGuarding(cfg *config.Config) {
	a.limiter, a.storms = a.redis.NewLimiter(), surge.NewWatcher(config.Quota(cfg.Limits.Storm))
	a.reloadGuarding(cfg)
	a.metrics.WatchCredentials(a.sources.uses)
	a.parts.every("storms", stormInterval, a.lookForStorms)
}

// reloadGuarding puts the limits of a new configuration in force.
func (a *App) reloadGuarding(cfg *config.Config) {
	a.limiter.SetRates(rates(cfg))
	a.storms.SetRate(config.Quota(cfg.Limits.Storm))
	l := &cfg.Limits
	a.bounds.Store(&httpapi.Limits{InFlight: l.InFlight, Unproven: l.Unproven, FailedAuth: config.Quota(l.FailedAuth)})
}

// limits of the public listener. They are asked for with every request.
func (a *App) limits() httpapi.Limits { return *a.bounds.Load() }

// rates of what needs the database.
func rates(cfg *config.Config) redisfront.Rates {
	r := redisfront.Rates{Sources: map[string]quota.Quota{}, Client: config.Quota(cfg.Limits.Client)}
	for i := range cfg.Sources {
		r.Sources[cfg.Sources[i].Name] = cfg.Quota(&cfg.Sources[i])
	}
	return r
}

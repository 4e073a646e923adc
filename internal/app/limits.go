package app

import (
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/httpapi"
)

// limits of the public listener, as the configuration in force says.
func (a *App) limits() httpapi.Limits {
	l := &a.watcher.Current().Limits
	return httpapi.Limits{InFlight: l.InFlight, FailedAuth: config.Quota(l.FailedAuth)}
}

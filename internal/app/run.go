package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Run serves until ctx ends or a listener breaks, and then stops: not ready, requests in flight answered, batches flushed,
// stores closed. grace is how long the gateway goes on serving after it has said that it is not ready, so that load
// balancers can turn away first; it is called once, when ctx has ended.
func (a *App) Run(ctx context.Context, grace func() time.Duration) error {
	a.parts.loop("configuration watcher", a.watcher.Run)
	broken := make(chan error, 2)
	go func() {
		broken <- serveUntilClosed("public listener", func() error { return a.public.Serve(a.publicAt) })
	}()
	go func() { broken <- serveUntilClosed("admin listener", a.serveAdmin) }()
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-broken:
	}
	return errors.Join(failure, a.shutdown(context.WithoutCancel(ctx), grace()))
}

// serveAdmin speaks TLS where there is a certificate.
func (a *App) serveAdmin() error {
	if cert := a.opts.Config.Admin.TLSCertFile; cert != "" {
		return a.admin.ServeTLS(a.adminAt, cert, a.opts.Config.Admin.TLSKeyFile)
	}
	return a.admin.Serve(a.adminAt)
}

func serveUntilClosed(name string, serve func() error) error {
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// shutdown ends within the configured time plus grace.
func (a *App) shutdown(ctx context.Context, grace time.Duration) error {
	start := time.Now()
	a.stopping.Store(true)
	requests, _ := a.gate.Waiting()
	a.log.Info("stopping: not ready any more", "in_flight", requests, "grace", grace.String())
	if grace > 0 {
		<-time.After(grace)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.opts.Config.ShutdownTimeout))
	defer cancel()
	a.board.endStreams()
	err := errors.Join(a.public.Shutdown(ctx), a.admin.Shutdown(ctx), a.Close(ctx))
	a.log.Info("stopped", "took", time.Since(start).Round(time.Millisecond).String(), "clean", err == nil)
	return err
}

// Close stops what New has started, last started first. After Run it does nothing.
func (a *App) Close(ctx context.Context) error { return a.parts.stop(ctx) }

// Stopping reports that the process has begun to shut down.
func (a *App) Stopping() bool { return a.stopping.Load() }

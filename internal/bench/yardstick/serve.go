package yardstick

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/httpapi"
)

// Serve runs a receiver with the gateway's server settings until ctx ends.
func Serve(ctx context.Context, addr string, handler http.Handler, log *slog.Logger) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	defaults := config.Default().HTTP
	server := httpapi.NewServer(handler, httpapi.Timeouts{
		Header: time.Duration(defaults.ReadHeaderTimeout), Read: time.Duration(defaults.ReadTimeout),
		Write: time.Duration(defaults.WriteTimeout), Idle: time.Duration(defaults.IdleTimeout),
	}, int(defaults.MaxHeader), log)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nobody waits for an answer any more
	defer stop()
	if err = server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("yardstick: %w", err)
	}
	return nil
}

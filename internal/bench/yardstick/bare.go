package yardstick

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Bare makes the receiver that keeps nothing: to it every event is new.
func Bare(log *slog.Logger) (http.Handler, error) {
	return newReceiver(func(context.Context, *dedup.Inbound) (bool, error) { return false, nil }, log)
}

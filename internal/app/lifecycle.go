package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// lifecycle remembers what was started and stops it in reverse order. It is safe for concurrent use; stopping twice stops
// once.
type lifecycle struct {
	mu    sync.Mutex
	parts []part
}

type part struct {
	name string
	stop func(context.Context) error
}

// started registers a part that runs. Its stop must return soon after ctx ends.
func (l *lifecycle) started(name string, stop func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parts = append(l.parts, part{name, stop})
}

// loop runs f in the background until the lifecycle stops it, and then waits for it.
func (l *lifecycle) loop(name string, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	l.started(name, func(stopCtx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopCtx.Done():
			return stopCtx.Err()
		}
	})
}

// every calls f in the background, at once and then every interval, until the lifecycle stops it.
func (l *lifecycle) every(name string, interval time.Duration, f func(context.Context)) {
	l.loop(name, func(ctx context.Context) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			f(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// stop stops all parts, last started first, and goes on when one fails.
func (l *lifecycle) stop(ctx context.Context) error {
	l.mu.Lock()
	parts := l.parts
	l.parts = nil
	l.mu.Unlock()
	var errs []error
	for _, p := range slices.Backward(parts) {
		if err := p.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

package redisfront

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// openAfter is how many pipelines in a row must fail before Redis is left out.
const openAfter = 3

// breaker decides whether Redis is asked at all. It opens after failed pipelines in a row; only a probe closes it. Safe
// for concurrent use.
type breaker struct {
	log *slog.Logger
	now func() time.Time

	open     atomic.Bool
	failures atomic.Int32 // in a row, while closed

	mu    sync.Mutex // guards a change of state and what it is remembered by
	since time.Time
	cause error // of being open; nil while closed
}

func newBreaker(log *slog.Logger, now func() time.Time) *breaker {
	return &breaker{log: log, now: now, since: now()}
}

func (b *breaker) isOpen() bool { return b.open.Load() }

// succeeded forgets earlier failures. It does not close an open breaker: the pipeline may have begun before the trouble.
func (b *breaker) succeeded() {
	if b.failures.Load() != 0 {
		b.failures.Store(0)
	}
}

// failed counts a failed pipeline and opens the breaker at the last of three.
func (b *breaker) failed(err error) {
	if b.failures.Add(1) >= openAfter {
		b.trip(err)
	}
}

// trip opens the breaker. While it is open, only what is remembered as the cause changes.
func (b *breaker) trip(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cause = err
	if b.open.Load() {
		return
	}
	b.since = b.now()
	b.open.Store(true)
	b.log.Warn("Redis is left out: the database decides alone, no request fails", "error", err)
}

// reset closes the breaker.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open.Load() {
		return
	}
	now := b.now()
	b.log.Info("Redis takes part again", "left_out_for", now.Sub(b.since).Round(time.Millisecond).String())
	b.since, b.cause = now, nil
	b.failures.Store(0)
	b.open.Store(false)
}

// State says whether Redis takes part.
type State struct {
	Embedded bool
	Up       bool
	Since    time.Time // of the last change, or of the start
	Err      error     // why it is left out; nil while up
}

// String is text for operators: "embedded", "up" or "down since <RFC 3339, UTC>".
func (s State) String() string {
	switch {
	case !s.Up:
		return "down since " + s.Since.UTC().Format(time.RFC3339)
	case s.Embedded:
		return "embedded"
	default:
		return "up"
	}
}

func (b *breaker) state() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return State{Up: !b.open.Load(), Since: b.since, Err: b.cause}
}

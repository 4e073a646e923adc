package loglines

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Delay is the longest that a line waits for others.
const Delay = 5 * time.Millisecond

// room is how many bytes wait at most. Beyond it who logs writes, so that a slow collector slows down the log's writers and
// costs no memory.
const room = 64 << 10

// Writer gathers what is written to it. It is safe for concurrent use.
type Writer struct {
	out io.Writer

	mu      sync.Mutex
	waiting []byte
	flush   *time.Timer // runs while something waits
}

// NewWriter writes to out. Call Flush before the process ends.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out, waiting: make([]byte, 0, room)}
	w.flush = time.AfterFunc(Delay, w.Flush)
	w.flush.Stop()
	return w
}

// Write takes whole lines. There are no errors: nobody could log one.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting)+len(lines) > room {
		w.write()
	}
	if len(w.waiting) == 0 {
		w.flush.Reset(Delay)
	}
	w.waiting = append(w.waiting, lines...)
	return len(lines), nil
}

// Flush writes what waits.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.write()
}

func (w *Writer) write() {
	if len(w.waiting) == 0 {
		return
	}
	_, _ = w.out.Write(w.waiting)
	if w.waiting = w.waiting[:0]; cap(w.waiting) > room {
		w.waiting = make([]byte, 0, room) // there was one very long line
	}
}

// Handler hands records to a handler that writes to lines, and lets no warning wait.
func Handler(next slog.Handler, lines *Writer) slog.Handler { return handler{next, lines} }

type handler struct {
	slog.Handler

	lines *Writer
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.lines.Flush()
	}
	return err
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.lines}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.lines}
}

package testkit

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Logger writes to the test's output, from debug up. What is logged after the end of the test is dropped.
func Logger(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(outputOf(t), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// CaptureLogger is [Logger] with a memory: what an operator would read as JSON lines.
func CaptureLogger(t testing.TB) (*slog.Logger, *Records) {
	t.Helper()
	records := &Records{t: t}
	both := io.MultiWriter(records, outputOf(t))
	return slog.New(slog.NewJSONHandler(both, &slog.HandlerOptions{Level: slog.LevelDebug})), records
}

// Record is a line of the log as JSON: "time", "level", "msg" and the attributes, groups as nested maps, numbers as
// float64, durations as nanoseconds.
type Record map[string]any

// Message is the record's text.
func (r Record) Message() string { text, _ := r[slog.MessageKey].(string); return text }

// Level is the record's level, such as "WARN".
func (r Record) Level() string { text, _ := r[slog.LevelKey].(string); return text }

// Records is a log in memory. It is safe for concurrent use.
type Records struct {
	t    testing.TB
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes one line from a slog handler.
func (r *Records) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

// Text is the whole log: what to search for secrets that must not be in it.
func (r *Records) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// All returns the records so far, oldest first.
func (r *Records) All() []Record {
	r.t.Helper()
	var all []Record
	for line := range strings.Lines(r.Text()) {
		var record Record
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			r.t.Fatalf("a log line is no JSON: %v: %s", err, line)
		}
		all = append(all, record)
	}
	return all
}

// With returns the records whose message is msg.
func (r *Records) With(msg string) []Record {
	r.t.Helper()
	var found []Record
	for _, record := range r.All() {
		if record.Message() == msg {
			found = append(found, record)
		}
	}
	return found
}

// output is a test's output that may be written to after the test's end, when t itself would panic.
type output struct {
	mu   sync.Mutex
	out  io.Writer
	over bool
}

func outputOf(t testing.TB) *output {
	t.Helper()
	o := &output{out: t.Output()}
	t.Cleanup(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.over = true
	})
	return o
}

func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return len(line), nil
	}
	return o.out.Write(line)
}

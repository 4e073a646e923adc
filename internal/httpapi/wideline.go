package httpapi

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"
)

// How much of a sender's text a log line shows, in bytes.
const (
	maxLoggedWord  = 32
	maxLoggedID    = 128
	maxLoggedCause = 512
)

// logReceipt writes the one line of a webhook that got a verdict. All outcomes are info: a duplicate is no trouble.
func (i *ingest) logReceipt(w *webhook, a *answer, status int) {
	ctx := context.Background()
	if !i.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	v, now := &w.verdict, time.Now()
	attrs := [...]slog.Attr{
		slog.String("source", w.source.Name),
		slog.String("outcome", string(v.Outcome)),
		slog.String("reason", string(v.Reason)),
		slog.String("repeat", string(v.Repeat)),
		slog.String("run_id", clip(a.runID, maxLoggedID)),
		slog.String("event_type", clip(w.in.Type, maxLoggedID)),
		slog.String("event_id", a.eventID),
		slog.String("receipt_id", a.receiptID),
		slog.String("dispatch_id", clip(w.in.DispatchID, maxLoggedID)),
		slog.Float64("duration_ms", millis(now.Sub(w.started))),
		slog.Int64("bytes", w.bytes),
		slog.Int("status", status),
		slog.Bool("degraded", v.Degraded),
		slog.String("remote_ip", w.remoteIP),
		slog.String("quarantine_id", a.quarantineID),
	}
	n := len(attrs)
	if a.quarantineID == "" {
		n--
	}
	// The logger would ask the stack first where it was called, for a log that does not say it.
	record := slog.NewRecord(now, slog.LevelInfo, "webhook", 0)
	record.AddAttrs(attrs[:n]...)
	_ = i.log.Handler().Handle(ctx, record) // loggers drop the error too
}

// logRefused writes the one line of a webhook that got none. The name that was asked for is left out when there is no such
// source: it may be anything, a token in the wrong place included.
func (i *ingest) logRefused(w *webhook, row *refusal) {
	attrs := make([]slog.Attr, 0, 8)
	if w.name != "" {
		attrs = append(attrs, slog.String("source", w.name))
	}
	attrs = append(attrs,
		slog.String("error", string(row.code)),
		slog.String("request_id", w.receiptID.String()), // as in X-Request-ID: there is no receipt of it
		slog.Float64("duration_ms", millis(time.Since(w.started))),
		slog.Int64("bytes", w.bytes),
		slog.Int("status", row.status),
		slog.String("remote_ip", w.remoteIP),
	)
	if w.cause != nil {
		attrs = append(attrs, slog.String("cause", clip(w.cause.Error(), maxLoggedCause)))
	}
	level := row.level
	if w.quiet {
		level = slog.LevelDebug
	}
	i.log.LogAttrs(context.Background(), level, "webhook", attrs...)
}

// millis is a duration in milliseconds, rounded to microseconds.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// clip cuts text of a sender's to at most n bytes, not in the middle of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

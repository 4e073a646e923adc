package yardstick

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// decide says whether an event was told before. An error is answered 500.
type decide func(ctx context.Context, in *dedup.Inbound) (known bool, err error)

// receiver is what both yardsticks share: everything but the decision.
type receiver struct {
	source *source.Source
	decide decide
	log    *slog.Logger
}

// The answers, as long as the gateway's own.
const (
	accepted = `{"status":"accepted","outcome":"new","run_id":"ojue2pKvaKRjkewuJ","event_id":"0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10",` +
		`"receipt_id":"0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10"}` + "\n"
	duplicate = `{"status":"duplicate","outcome":"duplicate","message":"Webhook already processed","run_id":"ojue2pKvaKRjkewuJ",` +
		`"event_id":"0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10","receipt_id":"0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10",` +
		`"first_seen_at":"2026-09-14T08:04:28.012Z"}` + "\n"
)

func newReceiver(d decide, log *slog.Logger) (http.Handler, error) {
	src, err := source.New(source.Options{
		Name: "apify", Kind: source.Apify, Tokens: []signature.Token{{}}, // nobody is asked for it
		Default: source.Windows{Window: window, Lease: window},
	})
	if err != nil {
		return nil, fmt.Errorf("yardstick: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	if err = engine.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("yardstick: %w", err)
	}
	r := &receiver{source: src, decide: d, log: log}
	engine.Use(gin.Recovery())
	engine.POST("/webhooks/:source", r.handle)
	engine.GET("/healthz", func(c *gin.Context) { c.Status(http.StatusOK) })
	return engine, nil
}

func (r *receiver) handle(c *gin.Context) {
	started := time.Now()
	body := make([]byte, max(0, c.Request.ContentLength))
	if _, err := io.ReadFull(c.Request.Body, body); err != nil {
		c.Status(http.StatusBadRequest)
		return
	}
	in := r.source.Identify(source.Request{
		Header: c.Request.Header, Query: c.Request.URL.Query(), Body: body,
		ReceiptID: dedup.NewID(started), ReceivedAt: started, RemoteIP: c.ClientIP(),
	})
	if in.Quarantine != nil {
		c.String(http.StatusBadRequest, in.Quarantine.Message)
		return
	}
	known, err := r.decide(c.Request.Context(), &in)
	switch {
	case err != nil:
		r.log.Error("webhook", "error", err)
		c.Status(http.StatusInternalServerError)
	case known:
		r.answer(c, &in, dedup.OutcomeDuplicate, duplicate, started)
	default:
		r.answer(c, &in, dedup.OutcomeNew, accepted, started)
	}
}

// answer answers and writes a log line with as many attributes as the gateway's.
func (r *receiver) answer(c *gin.Context, in *dedup.Inbound, outcome dedup.Outcome, body string, started time.Time) {
	header := c.Writer.Header()
	header["Content-Type"] = []string{"application/json; charset=utf-8"}
	header["X-Dedup-Outcome"] = []string{string(outcome)}
	c.Writer.WriteHeader(http.StatusOK)
	_, _ = c.Writer.WriteString(body) // a client that is gone is no trouble
	receipt := in.ReceiptID.String()
	r.log.LogAttrs(context.Background(), slog.LevelInfo, "webhook",
		slog.String("source", r.source.Name),
		slog.String("outcome", string(outcome)),
		slog.String("reason", ""),
		slog.String("repeat", ""),
		slog.String("run_id", in.Run.ID),
		slog.String("event_type", in.Type),
		slog.String("event_id", receipt),
		slog.String("receipt_id", receipt),
		slog.String("dispatch_id", in.DispatchID),
		slog.Float64("duration_ms", float64(time.Since(started).Microseconds())/1000),
		slog.Int("bytes", len(in.Body)),
		slog.Int("status", http.StatusOK),
		slog.Bool("degraded", false),
		slog.String("remote_ip", in.RemoteIP))
}

package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Runs reads one page of runs, newest first.
func (c *Client) Runs(ctx context.Context, q view.RunQuery) (view.Page[view.Run], error) {
	p := listing(q.Range, q.Paging)
	p.text("source", q.Source).text("kind", q.Kind).text("run_id", q.RunID).text("status", q.Status)
	p.text("actor_id", q.ActorID).text("task_id", q.TaskID)
	return get[view.Page[view.Run]](ctx, c, []string{"runs"}, p.values)
}

// Run reads a run with everything that is known of it. Source and kind may be empty where the id alone is clear.
func (c *Client) Run(ctx context.Context, source, kind, runID string) (view.Timeline, error) {
	p := params{url.Values{}}
	p.text("source", source).text("kind", kind)
	return get[view.Timeline](ctx, c, []string{"runs", runID}, p.values)
}

// Events reads one page of events, newest first.
func (c *Client) Events(ctx context.Context, q view.EventQuery) (view.Page[view.Event], error) {
	p := listing(q.Range, q.Paging)
	p.text("source", q.Source).text("type", q.Type).text("kind", q.Kind).text("run_id", q.RunID).text("dispatch_id", q.DispatchID)
	return get[view.Page[view.Event]](ctx, c, []string{"events"}, p.values)
}

// Event reads one event.
func (c *Client) Event(ctx context.Context, id string) (view.Event, error) {
	return get[view.Event](ctx, c, []string{"events", id}, nil)
}

// EventBody reads an event's body, byte for byte as it was received.
func (c *Client) EventBody(ctx context.Context, id string) ([]byte, error) {
	data, err := c.do(ctx, http.MethodGet, []string{"events", id, "body"}, nil, nil)
	return data, err
}

// OtherBodies lists the bodies in which repeats of an event differed from it, oldest first.
func (c *Client) OtherBodies(ctx context.Context, id string) ([]view.OtherBody, error) {
	list, err := get[view.Page[view.OtherBody]](ctx, c, []string{"events", id, "other-bodies"}, nil)
	return list.Items, err
}

// OtherBody reads the body of an event's repeat, byte for byte as it was received.
func (c *Client) OtherBody(ctx context.Context, id, receiptID string) ([]byte, error) {
	data, err := c.do(ctx, http.MethodGet, []string{"events", id, "other-bodies", receiptID}, nil, nil)
	return data, err
}

// Receipts reads one page of receipts, newest first.
func (c *Client) Receipts(ctx context.Context, q view.ReceiptQuery) (view.Page[view.Receipt], error) {
	p := listing(q.Range, q.Paging)
	p.text("source", q.Source).text("outcome", q.Outcome).text("reason", q.Reason).text("repeat", q.Repeat).text("event_id", q.EventID)
	return get[view.Page[view.Receipt]](ctx, c, []string{"receipts"}, p.values)
}

// Quarantine reads one page of quarantined requests, newest first.
func (c *Client) Quarantine(ctx context.Context, q view.QuarantineQuery) (view.Page[view.Quarantined], error) {
	p := listing(q.Range, q.Paging)
	p.text("source", q.Source).text("reason", q.Reason)
	if q.Replayed != nil {
		p.text("replayed", strconv.FormatBool(*q.Replayed))
	}
	return get[view.Page[view.Quarantined]](ctx, c, []string{"quarantine"}, p.values)
}

// Quarantined reads one quarantined request.
func (c *Client) Quarantined(ctx context.Context, id string) (view.Quarantined, error) {
	return get[view.Quarantined](ctx, c, []string{"quarantine", id}, nil)
}

// QuarantineBody reads what was kept of a quarantined request's body.
func (c *Client) QuarantineBody(ctx context.Context, id string) ([]byte, error) {
	data, err := c.do(ctx, http.MethodGet, []string{"quarantine", id, "body"}, nil, nil)
	return data, err
}

// Stats sums receipts over a range.
func (c *Client) Stats(ctx context.Context, r view.Range) (view.Stats, error) {
	p := params{url.Values{}}
	p.time("since", r.Since).time("until", r.Until)
	return get[view.Stats](ctx, c, []string{"stats"}, p.values)
}

// Verdict is what became of a replayed request.
type Verdict struct {
	Outcome      string `json:"outcome"`
	Reason       string `json:"reason"`
	Repeat       string `json:"repeat,omitempty"`
	EventID      string `json:"event_id,omitempty"`
	QuarantineID string `json:"quarantine_id,omitempty"` // set when it still can't be read
}

// Replay puts a quarantined request through the gate again. The reason goes into the audit.
func (c *Client) Replay(ctx context.Context, id, reason string) (Verdict, error) {
	body := map[string]string{"reason": reason}
	return call[Verdict](ctx, c, http.MethodPost, []string{"quarantine", id, "replay"}, nil, body)
}

// params builds a query; empty values are left out.
type params struct{ values url.Values }

func listing(r view.Range, p view.Paging) params {
	q := params{url.Values{}}
	q.time("since", r.Since).time("until", r.Until).text("cursor", p.Cursor)
	if p.Limit > 0 {
		q.text("limit", strconv.Itoa(p.Limit))
	}
	return q
}

func (p params) text(name, value string) params {
	if value != "" {
		p.values.Set(name, value)
	}
	return p
}

func (p params) time(name string, t time.Time) params {
	if !t.IsZero() {
		p.values.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
	return p
}

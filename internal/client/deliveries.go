package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Deliveries reads one page of deliveries, newest first.
func (c *Client) Deliveries(ctx context.Context, q view.DeliveryQuery) (view.Page[view.Delivery], error) {
	p := listing(q.Range, q.Paging)
	p.text("destination", q.Destination).text("state", q.State).text("source", q.Source).text("run_id", q.RunID).text("event_id", q.EventID)
	return get[view.Page[view.Delivery]](ctx, c, []string{"deliveries"}, p.values)
}

// AllDeliveries yields deliveries as [Client.AllRuns] does runs.
func (c *Client) AllDeliveries(ctx context.Context, q view.DeliveryQuery) iter.Seq2[view.Delivery, error] {
	return all(q.Paging, func(p view.Paging) (view.Page[view.Delivery], error) {
		q.Paging = p
		return c.Deliveries(ctx, q)
	})
}

// Delivery reads one delivery with its attempts.
func (c *Client) Delivery(ctx context.Context, id string) (view.DeliveryHistory, error) {
	return get[view.DeliveryHistory](ctx, c, []string{"deliveries", id}, nil)
}

// change is the body of a request that changes something. The gateway takes the actor from the token.
type change struct {
	Reason      string   `json:"reason"`
	DryRun      bool     `json:"dry_run,omitempty"`
	Max         int      `json:"max,omitempty"`
	Since       string   `json:"since,omitempty"`
	Until       string   `json:"until,omitempty"`
	IDs         []string `json:"ids,omitempty"`
	EventIDs    []string `json:"event_ids,omitempty"`
	Destination string   `json:"destination,omitempty"`
	State       string   `json:"state,omitempty"`
	Source      string   `json:"source,omitempty"`
	RunID       string   `json:"run_id,omitempty"`
	EventID     string   `json:"event_id,omitempty"`
	Types       []string `json:"types,omitempty"`
	Missing     bool     `json:"missing,omitempty"`
	Deliveries  string   `json:"deliveries,omitempty"`
	Delivering  string   `json:"delivering,omitempty"`
}

func newChange(act view.Act, r view.Range) change {
	return change{Reason: act.Reason, DryRun: act.DryRun, Max: act.Max, Since: instant(r.Since), Until: instant(r.Until)}
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// RetryDelivery sends a dead or cancelled delivery again. The act's actor is ignored: it is the token's.
func (c *Client) RetryDelivery(ctx context.Context, id string, act view.Act) (view.Changed, error) {
	return c.changeOne(ctx, id, "retry", act)
}

// CancelDelivery calls a delivery off.
func (c *Client) CancelDelivery(ctx context.Context, id string, act view.Act) (view.Changed, error) {
	return c.changeOne(ctx, id, "cancel", act)
}

// ReleaseDelivery lets a held delivery go.
func (c *Client) ReleaseDelivery(ctx context.Context, id string, act view.Act) (view.Changed, error) {
	return c.changeOne(ctx, id, "release", act)
}

func (c *Client) changeOne(ctx context.Context, id, verb string, act view.Act) (view.Changed, error) {
	return call[view.Changed](ctx, c, http.MethodPost, []string{"deliveries", id, verb}, nil, map[string]string{"reason": act.Reason})
}

// RetryDeliveries sends all again that are selected and dead, or cancelled when that state is asked for.
func (c *Client) RetryDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return c.changeMany(ctx, "retry", s, act)
}

// CancelDeliveries calls all off that are selected and not over.
func (c *Client) CancelDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return c.changeMany(ctx, "cancel", s, act)
}

// ReleaseDeliveries lets all held ones go that are selected.
func (c *Client) ReleaseDeliveries(ctx context.Context, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	return c.changeMany(ctx, "release", s, act)
}

func (c *Client) changeMany(ctx context.Context, verb string, s view.DeliverySelection, act view.Act) (view.Changed, error) {
	b := newChange(act, s.Range)
	b.IDs, b.Destination, b.State, b.Source, b.RunID, b.EventID = s.IDs, s.Destination, s.State, s.Source, s.RunID, s.EventID
	return call[view.Changed](ctx, c, http.MethodPost, []string{"deliveries", verb}, nil, b)
}

// ReplayEvents sends events again, whatever became of them; with missing only those that have no delivery to the destination.
func (c *Client) ReplayEvents(ctx context.Context, s view.ReplaySelection, missing bool, act view.Act) (view.Changed, error) {
	b := newChange(act, s.Range)
	b.EventIDs, b.RunID, b.Types, b.Source, b.Destination, b.Missing = s.EventIDs, s.RunID, s.Types, s.Source, s.Destination, missing
	return call[view.Changed](ctx, c, http.MethodPost, []string{"replay"}, nil, b)
}

// Destinations reads all destinations and how they are.
func (c *Client) Destinations(ctx context.Context) ([]view.DestinationStatus, error) {
	list, err := get[struct {
		Items []view.DestinationStatus `json:"items"`
	}](ctx, c, []string{"destinations"}, nil)
	return list.Items, err
}

// PauseDestination lets nothing more be sent to a destination.
func (c *Client) PauseDestination(ctx context.Context, name, reason string) error {
	return c.switchDestination(ctx, name, "pause", reason)
}

// ResumeDestination ends a pause.
func (c *Client) ResumeDestination(ctx context.Context, name, reason string) error {
	return c.switchDestination(ctx, name, "resume", reason)
}

func (c *Client) switchDestination(ctx context.Context, name, verb, reason string) error {
	_, err := c.do(ctx, http.MethodPost, []string{"destinations", name, verb}, nil, map[string]string{"reason": reason})
	return err
}

// Stuck reads what has not moved for too long.
func (c *Client) Stuck(ctx context.Context, q view.StuckQuery) (view.StuckReport, error) {
	p := params{url.Values{}}
	p.text("runs", age(q.Runs)).text("deliveries", age(q.Deliveries)).text("delivering", age(q.Delivering))
	if q.Limit > 0 {
		p.text("limit", strconv.Itoa(q.Limit))
	}
	return get[view.StuckReport](ctx, c, []string{"stuck"}, p.values)
}

// ClearStuck clears stuck deliveries: each gets a new job.
func (c *Client) ClearStuck(ctx context.Context, q view.StuckQuery, act view.Act) (view.Changed, error) {
	b := newChange(act, view.Range{})
	b.Deliveries, b.Delivering = age(q.Deliveries), age(q.Delivering)
	return call[view.Changed](ctx, c, http.MethodPost, []string{"stuck", "clear"}, nil, b)
}

func age(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

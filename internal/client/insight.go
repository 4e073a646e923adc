package client

import (
	"context"
	"net/url"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Windows reads how well the window of each source and event type does.
func (c *Client) Windows(ctx context.Context, r view.Range) ([]view.WindowSummary, error) {
	p := params{url.Values{}}
	p.time("since", r.Since).time("until", r.Until)
	list, err := get[struct {
		Items []view.WindowSummary `json:"items"`
	}](ctx, c, []string{"ttl"}, p.values)
	return list.Items, err
}

// WindowAdvice reads all that is known for choosing the window of a source or of one of its event types.
func (c *Client) WindowAdvice(ctx context.Context, q view.WindowQuery) (view.WindowAdvice, error) {
	p := params{url.Values{}}
	p.time("since", q.Since).time("until", q.Until).text("type", q.Type)
	if q.Window > 0 {
		p.text("window", q.Window.String())
	}
	return get[view.WindowAdvice](ctx, c, []string{"ttl", q.Source}, p.values)
}

package client

import (
	"context"
	"fmt"
	"iter"

	"github.com/dedupgate/dedupgate/internal/view"
)

// AllRuns yields runs page after page, newest first, from q's cursor on. It ends after the first error; q.Limit is the
// size of a page, 0 the largest.
func (c *Client) AllRuns(ctx context.Context, q view.RunQuery) iter.Seq2[view.Run, error] {
	return all(q.Paging, func(p view.Paging) (view.Page[view.Run], error) {
		q.Paging = p
		return c.Runs(ctx, q)
	})
}

// AllEvents yields events as [Client.AllRuns] does runs.
func (c *Client) AllEvents(ctx context.Context, q view.EventQuery) iter.Seq2[view.Event, error] {
	return all(q.Paging, func(p view.Paging) (view.Page[view.Event], error) {
		q.Paging = p
		return c.Events(ctx, q)
	})
}

// AllReceipts yields receipts as [Client.AllRuns] does runs.
func (c *Client) AllReceipts(ctx context.Context, q view.ReceiptQuery) iter.Seq2[view.Receipt, error] {
	return all(q.Paging, func(p view.Paging) (view.Page[view.Receipt], error) {
		q.Paging = p
		return c.Receipts(ctx, q)
	})
}

// AllQuarantine yields quarantined requests as [Client.AllRuns] does runs.
func (c *Client) AllQuarantine(ctx context.Context, q view.QuarantineQuery) iter.Seq2[view.Quarantined, error] {
	return all(q.Paging, func(p view.Paging) (view.Page[view.Quarantined], error) {
		q.Paging = p
		return c.Quarantine(ctx, q)
	})
}

func all[T any](p view.Paging, read func(view.Paging) (view.Page[T], error)) iter.Seq2[T, error] {
	if p.Limit <= 0 {
		p.Limit = view.MaxLimit
	}
	return func(yield func(T, error) bool) {
		for {
			page, err := read(p)
			if err == nil && page.Next != "" && page.Next == p.Cursor {
				err = fmt.Errorf("%w: the listing doesn't move on", ErrForeign)
			}
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			p.Cursor = page.Next
		}
	}
}

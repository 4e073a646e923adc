package apify

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Dispatches lists what Apify tried to tell, newest first, each once. It ends with the first error.
func (c *Client) Dispatches(ctx context.Context) iter.Seq2[Dispatch, error] {
	return pages(ctx, c, "/v2/webhook-dispatches", nil, func(d *Dispatch) string { return d.ID })
}

// Dispatch reads one dispatch. Errors: [ErrNotFound] and those of every call.
func (c *Client) Dispatch(ctx context.Context, id string) (d Dispatch, err error) {
	err = c.one(ctx, "/v2/webhook-dispatches/", id, &d)
	return d, err
}

// Webhooks lists the account's webhooks, newest first, without their templates.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[Webhook, error] {
	return pages(ctx, c, "/v2/webhooks", nil, func(w *Webhook) string { return w.ID })
}

// Webhook reads one webhook with its templates.
func (c *Client) Webhook(ctx context.Context, id string) (w Webhook, err error) {
	err = c.one(ctx, "/v2/webhooks/", id, &w)
	return w, err
}

// Runs lists the ended runs of an Actor or a task in short form, those started last first, that started after a time.
func (c *Client) Runs(ctx context.Context, of Condition, startedAfter time.Time) iter.Seq2[Job, error] {
	path := "/v2/actors/" + of.ActorID + "/runs"
	if of.TaskID != "" {
		path = "/v2/actor-tasks/" + of.TaskID + "/runs"
	}
	if !isID(of.ActorID + of.TaskID) {
		return func(yield func(Job, error) bool) { yield(Job{}, notAnID("Actor or task")) }
	}
	query := url.Values{
		"status":       {"SUCCEEDED,FAILED,ABORTED,TIMED-OUT"},
		"startedAfter": {startedAfter.UTC().Format(timeLayout)},
	}
	return pages(ctx, c, path, query, func(j *Job) string { return j.ID })
}

// timeLayout is how Apify writes times.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Job reads a run or build in full. Errors: [ErrNotFound] and those of every call.
func (c *Client) Job(ctx context.Context, ref dedup.RunRef) (j Job, err error) {
	path := "/v2/actor-runs/"
	if ref.Kind == dedup.KindBuild {
		path = "/v2/actor-builds/"
	}
	err = c.one(ctx, path, ref.ID, &j)
	return j, err
}

// ActorOfTask is the Actor that a task starts.
func (c *Client) ActorOfTask(ctx context.Context, id string) (string, error) {
	var task struct {
		ActorID string `json:"actId"`
	}
	err := c.one(ctx, "/v2/actor-tasks/", id, &task)
	return task.ActorID, err
}

// UserID is the account's own id: what its runs and webhooks are marked with.
func (c *Client) UserID(ctx context.Context) (string, error) {
	var me struct {
		ID string `json:"id"`
	}
	err := c.get(ctx, "/v2/users/me", nil, &me)
	if err == nil && me.ID == "" {
		err = fmt.Errorf("GET /v2/users/me: %w: no id", ErrAnswer)
	}
	return me.ID, err
}

func (c *Client) one(ctx context.Context, path, id string, out any) error {
	if !isID(id) {
		return notAnID("object")
	}
	return c.get(ctx, path+id, nil, out)
}

// isID reports whether a text can be put into a path and stays one part of it.
func isID(text string) bool { return dedup.IsPlainID(text) && strings.Trim(text, ".") != "" }

// notAnID is the answer for an id that Apify can't know, and that is not asked for: it might lead to another path.
func notAnID(what string) error { return fmt.Errorf("%w: not an id of an %s", ErrNotFound, what) }

const (
	// pageSize keeps a page of dispatches, each with the answers to its attempts, below the bound on an answer.
	pageSize = 250
	// pageOverlap is asked for again with the next page: what is deleted meanwhile moves the rest up.
	pageOverlap = 10
)

// list is a page as Apify wraps it.
type list[T any] struct {
	Total int `json:"total"`
	Items []T `json:"items"`
}

// pages walks a listing that is sorted by time, newest first. New entries shift it while it is walked, so pages overlap and
// what has been seen is left out.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, id func(*T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := url.Values{"desc": {"1"}, "limit": {strconv.Itoa(pageSize)}}
		maps.Copy(q, query)
		seen := map[string]bool{}
		for offset, more := 0, true; more; {
			q.Set("offset", strconv.Itoa(offset))
			var page list[T]
			err := c.get(ctx, path, q, &page)
			before := len(seen)
			for i := range page.Items {
				if key := id(&page.Items[i]); !seen[key] {
					seen[key] = true
					if !yield(page.Items[i], nil) {
						return
					}
				}
			}
			if err == nil {
				offset, more, err = page.next(offset, len(seen) > before)
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

// next is where the next page begins, and whether there is one.
func (p *list[T]) next(offset int, moved bool) (next int, more bool, err error) {
	n := len(p.Items)
	switch {
	case n == 0, offset+n >= p.Total && n < pageSize, offset+n == p.Total:
		return 0, false, nil
	case !moved:
		return 0, false, fmt.Errorf("%w: a listing brings nothing new, page after page", ErrAnswer)
	default:
		return offset + max(1, n-pageOverlap), true, nil
	}
}

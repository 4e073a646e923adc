package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Errors that every method may wrap.
var (
	// ErrUnreachable means no answer, or one that broke off. The gateway may be starting or gone.
	ErrUnreachable = errors.New("no answer from the admin API")
	// ErrForeign means that something answered that is no admin API of a gateway.
	ErrForeign = errors.New("this is not a gateway's admin API")
)

// Problem is a refusal by the gateway, in the form of RFC 9457.
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Errors name the parameters that were wrong, if any.
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"`

	advice string // what the caller of this client can do
}

// Error is one line of the gateway's own words, then what to do about it. The words may repeat input: escape them before
// they go to a terminal.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if text == "" {
		text = http.StatusText(p.Status)
	}
	for _, e := range p.Errors {
		text += fmt.Sprintf("; %s: %s", e.Location, e.Message)
	}
	if p.advice != "" {
		text = strings.TrimSuffix(text, ".") + ": " + p.advice
	}
	return fmt.Sprintf("the gateway answers %d: %s", p.Status, text)
}

// Is makes a 404 [view.ErrNotFound].
func (p *Problem) Is(target error) bool {
	return target == view.ErrNotFound && p.Status == http.StatusNotFound
}

// Temporary reports whether the same request may pass later.
func (p *Problem) Temporary() bool {
	return p.Status == http.StatusTooManyRequests || p.Status >= http.StatusInternalServerError
}

// refused turns an answer other than 200 into an error.
func (c *Client) refused(res *http.Response, data []byte) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	p := &Problem{}
	if kind != "application/problem+json" || json.Unmarshal(data, p) != nil {
		return c.foreign(fmt.Sprintf("status %d without the form of its errors", res.StatusCode))
	}
	p.Status = res.StatusCode
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		p.advice = c.tokenAdvice()
	}
	return p
}

func (c *Client) tokenAdvice() string {
	const ways = "pass the admin token with --api-token-file or DEDUPGATE_API_TOKEN; an embedded gateway keeps it in <data_dir>/admin-token"
	switch {
	case c.token == "":
		return "no token was sent; " + ways
	case c.tokenFrom == "":
		return "the token is not this gateway's; " + ways
	default:
		return "the token from " + c.tokenFrom + " is not this gateway's; " + ways
	}
}

func (c *Client) foreign(what string) error {
	return fmt.Errorf("%w: %s gave %s. Is this the admin listener (default %s), not the public one or something else? "+
		"Set it with --api", ErrForeign, c.Address(), what, DefaultURL)
}

// unreachable says why there is no answer. The caller's own cancellation is passed on as it is.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err // without the URL: Address says it, shorter
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s (connection refused): is the gateway running? "+
			"Start it with 'dedupgate serve', or name another with --api", ErrUnreachable, c.Address())
	case isTimeout(err):
		return fmt.Errorf("%w at %s within %s: is it overloaded, or behind a firewall?", ErrUnreachable, c.Address(), c.http.Timeout)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%w: %s speaks http, not https", ErrUnreachable, c.Address())
	default:
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.Address(), err)
	}
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

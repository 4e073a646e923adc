package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultURL is where a gateway's admin listener is unless it was moved.
const DefaultURL = "http://127.0.0.1:8081"

// DefaultTimeout bounds one request, its answer's body included.
const DefaultTimeout = 30 * time.Second

// maxAnswer bounds what is read of one answer, so that a stranger's endless one can't fill the memory. It is far above any
// page and any body a gateway takes.
const maxAnswer = 256 << 20

// Options of a [Client].
type Options struct {
	BaseURL string // scheme and host of the admin listener, with or without /api/v1; "" is DefaultURL
	Token   string // admin token; "" sends none
	// TokenFrom says in words where the token comes from ("DEDUPGATE_API_TOKEN"); it appears in the error of a refused one.
	TokenFrom string
	Timeout   time.Duration     // of one request; 0 is DefaultTimeout
	Transport http.RoundTripper // nil is a transport of the client's own
}

// Client speaks to one gateway's admin API. It is safe for concurrent use.
type Client struct {
	base      *url.URL // ends in /api/v1
	token     string
	tokenFrom string
	http      *http.Client
}

// New checks the options. It makes no request.
func New(opts Options) (*Client, error) {
	base, err := parseBase(cmp.Or(opts.BaseURL, DefaultURL))
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(opts.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, fmt.Errorf("the admin token from %s holds spaces or control characters: is it the right file?", cmp.Or(opts.TokenFrom, "the options"))
	}
	transport := opts.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}
	}
	return &Client{
		base: base, token: opts.Token, tokenFrom: opts.TokenFrom,
		http: &http.Client{
			Transport: transport,
			Timeout:   cmp.Or(opts.Timeout, DefaultTimeout),
			// Following a redirect could carry the token to a stranger.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		// The text itself may hold a secret; it is not repeated.
		return nil, errors.New("the admin API's address is not a URL like " + DefaultURL)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/api/v1") + "/api/v1"
	u.Fragment = ""
	return u, nil
}

// Address is the scheme, host and path prefix of the gateway's admin listener.
func (c *Client) Address() string { return strings.TrimSuffix(c.base.String(), "/api/v1") }

// do makes one request and returns the answer's body. Each element of path is escaped.
func (c *Client) do(ctx context.Context, method string, path []string, query url.Values, body any) ([]byte, error) {
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, err)
	case len(data) > maxAnswer:
		return nil, c.foreign(fmt.Sprintf("an answer of more than %d MiB", maxAnswer>>20))
	case res.StatusCode != http.StatusOK:
		return nil, c.refused(res, data)
	}
	return data, nil
}

func (c *Client) request(ctx context.Context, method string, path []string, query url.Values, body any) (*http.Request, error) {
	for _, p := range path {
		if p == "" || p == "." || p == ".." {
			return nil, fmt.Errorf("%q is not an id", p)
		}
	}
	u := *c.base
	for _, p := range path {
		u.RawPath = cmp.Or(u.RawPath, u.EscapedPath()) + "/" + url.PathEscape(p)
		u.Path += "/" + p
	}
	u.RawQuery = query.Encode()
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// get reads a JSON answer into T.
func get[T any](ctx context.Context, c *Client, path []string, query url.Values) (T, error) {
	return call[T](ctx, c, http.MethodGet, path, query, nil)
}

func call[T any](ctx context.Context, c *Client, method string, path []string, query url.Values, body any) (T, error) {
	var v T
	data, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, c.foreign("an answer that can't be read as " + path[0])
	}
	return v, nil
}

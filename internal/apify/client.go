package apify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// BaseURL is Apify's own API.
const BaseURL = "https://api.apify.com"

// Options of a [Client]. Only Token is required.
type Options struct {
	// URL of the API: https, or http on loopback. Empty: [BaseURL].
	URL string
	// Token of the account, sent in the Authorization header and nowhere else.
	Token string
	// Agent names the program in the User-Agent header. Empty: dedupgate.
	Agent string
	// TryTimeout ends one try, its answer's last byte included. 0: 30 s.
	TryTimeout time.Duration
	// Tries of one call at most, the first included. 0: 6.
	Tries int
	// PerSecond bounds the calls of this client, tries included; Apify allows 60 a second per resource. 0: 10.
	PerSecond int
	// MaxAnswer is the longest answer read, in bytes. 0: 32 MiB.
	MaxAnswer int64
	// Transport makes the requests. nil: one of the client's own.
	Transport http.RoundTripper
}

// Client reads from Apify's API for one account. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	auth  func() string // a function, since those print as nothing
	agent string
	opts  Options
	http  *http.Client
	pace  pace
}

// NewClient checks the options. Nothing is asked yet. The error never quotes the token.
func NewClient(o Options) (*Client, error) {
	o = o.withDefaults()
	base, err := ParseBaseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Token == "" || strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > unicode.MaxASCII || r == 0x7f }) {
		return nil, errors.New("the token of Apify's API is empty or holds characters that no token has")
	}
	header := "Bearer " + o.Token
	o.Token = ""
	return &Client{
		base: base, auth: func() string { return header }, agent: o.Agent, opts: o,
		http: &http.Client{
			Transport: o.Transport,
			// A redirect would carry the token to wherever it points; the API makes none.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pace: pace{every: time.Second / time.Duration(o.PerSecond)},
	}, nil
}

func (o Options) withDefaults() Options {
	if o.URL == "" {
		o.URL = BaseURL
	}
	if o.Agent == "" {
		o.Agent = "dedupgate"
	}
	if o.TryTimeout <= 0 {
		o.TryTimeout = 30 * time.Second
	}
	if o.Tries <= 0 {
		o.Tries = 6
	}
	if o.PerSecond <= 0 {
		o.PerSecond = 10
	}
	if o.MaxAnswer <= 0 {
		o.MaxAnswer = 32 << 20
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    2,
			MaxConnsPerHost:        4,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return o
}

// ParseBaseURL reads the URL of an API: https without user, query and fragment; plain http is taken on loopback only,
// because the token travels with every request.
func ParseBaseURL(text string) (*url.URL, error) {
	const want = "the URL of Apify's API is written like https://api.apify.com, without user, query and fragment"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New(want)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		u.Path = strings.TrimRight(u.Path, "/")
		return u, nil
	default:
		return nil, errors.New(want + "; the token would travel in the clear over http")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get reads the data of one document into out, with as many tries as it takes and is allowed.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	for try := 1; ; try++ {
		if err := c.pace.wait(ctx); err != nil {
			return fmt.Errorf("%w: GET %s: %w", ErrUnavailable, path, err)
		}
		again, err := c.try(ctx, path, query, out)
		if err == nil {
			return nil
		}
		if again < 0 || try >= c.opts.Tries || ctx.Err() != nil {
			return fmt.Errorf("GET %s: %w", path, err)
		}
		c.pace.pause(max(again, backoff(try)))
	}
}

// try asks once. again is negative when another try is of no use, else the least wait that the answer asks for.
func (c *Client) try(ctx context.Context, path string, query url.Values, out any) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.TryTimeout)
	defer cancel()
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return -1, err
	}
	req.Header.Set("Authorization", c.auth())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		start, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		failed := newStatusError(resp.StatusCode, start)
		if !failed.passes() {
			return -1, failed
		}
		return retryAfter(resp.Header.Get("Retry-After"), time.Now()), failed
	}
	return c.decode(resp.Body, out)
}

// decode reads what every answer is wrapped in.
func (c *Client) decode(body io.Reader, out any) (again time.Duration, err error) {
	text, err := io.ReadAll(io.LimitReader(body, c.opts.MaxAnswer+1))
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: the answer broke off: %w", ErrUnavailable, err)
	case int64(len(text)) > c.opts.MaxAnswer:
		return -1, fmt.Errorf("%w: more than %d bytes", ErrAnswer, c.opts.MaxAnswer)
	}
	var envelope struct {
		Data json.RawMessage `json:"data"`
	}
	if err = json.Unmarshal(text, &envelope); err != nil {
		return -1, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if len(envelope.Data) == 0 || envelope.Data[0] != '{' {
		return -1, fmt.Errorf("%w: no object in data", ErrAnswer)
	}
	if err = json.Unmarshal(envelope.Data, out); err != nil {
		return -1, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return 0, nil
}

// withoutURL takes the address out of an error of net/http: the path is told already.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return err
}

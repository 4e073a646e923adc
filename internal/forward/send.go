package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Bounds of what is read of an answer, in bytes. Its body is read to the first one, so that the connection can be used
// again; what is longer is cut off with its connection.
const (
	maxAnswer        = 64 << 10
	maxAnswerHeaders = 64 << 10
)

// idleConnection is how long a connection to a receiver is kept for the next event.
const idleConnection = 90 * time.Second

// A connection that many attempts share (HTTP/2) and that says nothing for quietConnection is asked whether it is still
// there; without an answer within pingPatience it is given up, else every attempt would run into its timeout on it.
const quietConnection, pingPatience = 5 * time.Second, 5 * time.Second

// answer is what became of one request.
type answer struct {
	started    time.Time
	took       time.Duration
	status     int    // 0: none came
	retryAfter string // as told by the receiver
	body       []byte // the first delivery.AnswerKept bytes
	err        error  // why there is no status
	cut        error  // why the gateway did not wait for an answer; the receiver is not to blame
}

// newTransport makes the connections to one destination: guarded, without proxies of the environment, never decompressing.
func newTransport(d *delivery.Destination) *http.Transport {
	dialer := guardedDialer(d.AllowPrivate, d.Timeout)
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    d.Timeout,
		MaxIdleConnsPerHost:    d.Concurrency,
		IdleConnTimeout:        idleConnection,
		MaxResponseHeaderBytes: maxAnswerHeaders,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: quietConnection, PingTimeout: pingPatience},
	}
}

// sender makes the requests to one destination. It is safe for concurrent use.
type sender struct {
	destination *delivery.Destination
	transport   *http.Transport
	agent       string
}

// send makes one attempt, bounded by the destination's timeout from the first packet to the last byte read.
func (s *sender) send(ctx context.Context, shipment *delivery.Shipment) answer {
	a := answer{started: time.Now()}
	bounded, cancel := context.WithTimeout(ctx, s.destination.Timeout)
	defer cancel()
	err := s.exchange(bounded, shipment, &a)
	a.took = time.Since(a.started)
	if a.status == 0 {
		a.err = s.explain(bounded, err)
		a.cut = whyCut(ctx)
	}
	return a
}

// Why attempts are cut off.
var (
	errStopped = errors.New("the gateway had to stop before the receiver answered")
	errSilent  = errors.New("the gateway could not tell the others that it lives, and one of them may try by now")
)

func whyCut(ctx context.Context) error {
	switch {
	case ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(ctx), errSilent):
		return errSilent
	default:
		return errStopped
	}
}

// exchange fills in what the receiver answered. A status that has come counts, whatever happens to the body after it.
func (s *sender) exchange(ctx context.Context, shipment *delivery.Shipment, a *answer) error {
	if s.destination.URL.Scheme != "https" && !s.destination.AllowHTTP {
		return fmt.Errorf("refused to send over %s: the destination does not allow it", s.destination.URL.Scheme)
	}
	req, err := request(ctx, s.destination, shipment, s.agent, a.started)
	if err != nil {
		return err
	}
	// The transport alone, not a client: it knows neither redirects nor cookies.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	a.retryAfter = resp.Header.Get("Retry-After")
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a.body = slices.Clip(body[:min(len(body), delivery.AnswerKept)])
	return nil
}

// explain says what went wrong in words for an operator, without anything secret.
func (s *sender) explain(ctx context.Context, err error) error {
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", s.destination.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the receiver closed the connection without an answer")
	default:
		return errors.New(plain(withoutURL(err).Error()))
	}
}

// plain makes text fit for a line of the log and for any database.
func plain(text string) string {
	const longest = 512
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// sameDialing reports whether connections made for one destination serve the other.
func sameDialing(a, b *delivery.Destination) bool {
	return a.Timeout == b.Timeout && a.Concurrency == b.Concurrency && slices.EqualFunc(a.AllowPrivate, b.AllowPrivate,
		func(x, y netip.Prefix) bool { return x == y })
}

package forward

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Headers that tell the receiver about the event, beside those of Standard Webhooks.
const (
	headerRunID      = "X-Dedup-Run-Id"
	headerEventType  = "X-Dedup-Event-Type"
	headerGeneration = "X-Dedup-Generation"
	headerSeq        = "X-Dedup-Seq"
	headerAttempt    = "X-Dedup-Attempt"
	headerReplay     = "X-Dedup-Replay"
)

// maxHeaderText bounds a header whose text is a sender's, in bytes before escaping.
const maxHeaderText = 256

// request makes the request of an attempt: the bytes as they came, signed with every secret.
func request(ctx context.Context, d *delivery.Destination, s *delivery.Shipment, agent string, now time.Time) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL.String(), bytes.NewReader(s.Body))
	if err != nil {
		return nil, withoutURL(err)
	}
	h := req.Header
	h.Set("User-Agent", agent)
	if user := d.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	for name, value := range d.Headers {
		h.Set(name, value)
		if strings.EqualFold(name, "Host") {
			req.Host = value
		}
	}
	h.Set("Content-Type", contentType(s.ContentType))
	describe(h, s)
	return req, sign(h, d.Secrets, s, now)
}

// describe tells what is sent. Whatever a sender wrote is made safe first.
func describe(h http.Header, s *delivery.Shipment) {
	setText(h, headerRunID, s.Run.ID)
	setText(h, headerEventType, s.EventType)
	setText(h, headerGeneration, s.Generation)
	h.Set(headerSeq, strconv.FormatInt(s.Seq, 10))
	h.Set(headerAttempt, strconv.Itoa(s.Attempt))
	h.Set(headerReplay, strconv.Itoa(s.Replay))
}

// sign sets the headers of Standard Webhooks; a receiver takes the request when one of the signatures fits.
func sign(h http.Header, secrets [][]byte, s *delivery.Shipment, now time.Time) error {
	id := s.EventID.String()
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		webhook, err := standardwebhooks.NewWebhookRaw(secret)
		if err == nil {
			signatures[i], err = webhook.Sign(id, now, s.Body)
		}
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Del(standardwebhooks.HeaderWebhookSignature)
	if len(signatures) > 0 {
		h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
	return nil
}

// setText sets a header to text of a sender's; without text the header is left out.
func setText(h http.Header, name, text string) {
	h.Del(name)
	if text != "" {
		h.Set(name, headerText(text))
	}
}

// headerText makes text fit for a header: what is not visible ASCII, and the percent sign, is percent-encoded, so that
// the receiver gets the original back by decoding. Only the first maxHeaderText bytes are told.
func headerText(text string) string {
	text = text[:min(len(text), maxHeaderText)]
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// contentType is the sender's, unless it is none or can't be sent.
func contentType(sent string) string {
	sent = textproto.TrimString(sent)
	unfit := strings.ContainsFunc(sent, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	if sent == "" || unfit {
		return "application/octet-stream"
	}
	return sent
}

// withoutURL takes the URL out of an error: it may hold a token in its query.
func withoutURL(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // only the outermost one was made for the whole URL
		return u.Err
	}
	return err
}

package source

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Request is an authenticated request, read to its end. The inbound made from it shares the body.
type Request struct {
	Header     http.Header // names in canonical form, as net/http gives them
	Query      url.Values
	Body       []byte
	ReceiptID  dedup.ID
	ReceivedAt time.Time
	RemoteIP   string
}

// Identify says what the request tells and what makes it the same as another. It does no I/O and reads no clock: the same
// request gives the same inbound, always. A request without an identity comes back with Quarantine set and no key.
func (s *Source) Identify(r Request) dedup.Inbound {
	in := s.inbound(&r)
	if s.Kind == Apify {
		s.identifyApify(&in)
	} else {
		s.identifyGeneric(&r, &in)
	}
	in.Window, in.Lease = s.Windows(in.Type)
	return in
}

// Quarantine makes the inbound of a request whose body can't be read at all, such as one over the size limit: what its
// headers tell, and no key. The message is shown to the sender.
func (s *Source) Quarantine(r Request, reason dedup.Reason, message string) dedup.Inbound {
	in := s.inbound(&r)
	in.Quarantine = &dedup.Quarantine{Reason: reason, Message: message}
	in.Window, in.Lease = s.Windows("")
	return in
}

// inbound holds what does not depend on the body.
func (s *Source) inbound(r *Request) dedup.Inbound {
	in := dedup.Inbound{
		ReceiptID: r.ReceiptID, ReceivedAt: r.ReceivedAt.UTC().Truncate(time.Millisecond),
		Key: dedup.Key{Source: s.Name}, Body: r.Body, RemoteIP: r.RemoteIP, Via: dedup.ViaWebhook,
		Headers: s.store(r.Header, r.Query),
	}
	contentType, _ := one(r.Header[headerContentType])
	in.ContentType = printable(contentType)
	if s.Kind == Apify {
		dispatchID, _ := one(r.Header[headerDispatchID])
		in.DispatchID = usableID(dispatchID)
	}
	return in
}

// maxType is the longest event type that is believed; it is a column, part of a key, and read by people.
const maxType = 128

// usableType is the event type, or "" when it can't be one: absent, a template variable that nobody filled in, or text that
// a key or a log line can't carry faithfully.
func usableType(s string) string {
	if len(s) > maxType || isTemplate(s) || !isFaithful(s) {
		return ""
	}
	return s
}

// usableID is the id, or "" when it can't be one. Template variables that nobody filled in hold braces and so are none:
// otherwise every run would be the run "{{resource.id}}".
func usableID(s string) string {
	if !dedup.IsPlainID(s) {
		return ""
	}
	return s
}

// isTemplate reports a template variable that nobody filled in.
func isTemplate(s string) bool { return strings.Contains(s, "{{") }

// isFaithful reports whether the text means one thing only wherever it is kept: invalid bytes and lone surrogates have
// become U+FFFD, which stands for any of them, and control characters are refused by one store and dropped by another.
func isFaithful(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// one is the value of a place that may be repeated, and whether there is exactly one. Equal repeats, which careless proxies
// make, are one.
func one(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return "", false
		}
	}
	return values[0], true
}

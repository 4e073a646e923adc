package httpapi

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// refusalCode names an answer that is no receipt: the "error" of its body, its metric label, its word in the log.
type refusalCode string

// The refusals. noRefusal means that the request may go on.
const (
	noRefusal           refusalCode = ""
	refusedUnauthorized refusalCode = "unauthorized"
	refusedNotFound     refusalCode = "not_found"
	refusedMethod       refusalCode = "method_not_allowed"
	refusedIncomplete   refusalCode = "incomplete_body"
	refusedTimeout      refusalCode = "body_timeout"
	refusedTooLarge     refusalCode = "too_large"
	refusedUnproven     refusalCode = "too_large_unproven"
	refusedStranger     refusalCode = "too_many_failures"
	refusedLimited      refusalCode = "rate_limited"
	refusedEncoding     refusalCode = "unsupported_encoding"
	refusedMediaType    refusalCode = "unsupported_media_type"
	refusedInternal     refusalCode = "internal"
	refusedBusy         refusalCode = "busy"
	refusedUnavailable  refusalCode = "unavailable"
	refusedStopping     refusalCode = "stopping"
)

// refusal is one row of the status table.
type refusal struct {
	code    refusalCode
	status  int
	level   slog.Level    // of the webhook's log line
	message string        // says what to do
	retry   time.Duration // > 0: Retry-After, this plus up to as much again
	close   bool          // the rest of the request is not read: the connection can't be used again
	header  [2]string     // one more header, name and value, when set
}

// refusals is the status table: every answer of the public listener that is no receipt.
func refusals() []refusal {
	return slices.Concat(doorRefusals(), bodyRefusals(), gateRefusals())
}

// doorRefusals are the answers to requests that are not let in.
func doorRefusals() []refusal {
	return []refusal{
		{
			code: refusedUnauthorized, status: http.StatusUnauthorized, level: slog.LevelWarn,
			header: [2]string{"WWW-Authenticate", "Bearer"},
			message: "Unknown source, or its token or signature is missing or wrong. Send the source's token as ?token=… in the URL " +
				"or in the header 'Authorization: Bearer …', or sign as the source is configured.",
		},
		{
			// Debug: those before it were logged, and a stranger shall not fill the disk. It is counted.
			code: refusedStranger, status: http.StatusTooManyRequests, level: slog.LevelDebug, retry: time.Second,
			message: "Too many requests with a missing or wrong token or signature, or a body that did not come to its end, came from this address. " +
				"Correct the token or the signature; requests that show a right one are taken at any time.",
		},
		{
			code: refusedUnproven, status: http.StatusRequestEntityTooLarge, level: slog.LevelWarn, close: true,
			message: "The body is over the limit, and its signature can't be checked without reading it. Nothing was stored.",
		},
		{
			code: refusedNotFound, status: http.StatusNotFound, level: slog.LevelInfo,
			message: "There is nothing here. Webhooks go to POST /webhooks/{source}.",
		},
		{
			code: refusedMethod, status: http.StatusMethodNotAllowed, level: slog.LevelInfo,
			message: "This address doesn't take that method; see the Allow header. Webhooks are sent with POST.",
		},
	}
}

// bodyRefusals are the answers to bodies that are not taken.
func bodyRefusals() []refusal {
	return []refusal{
		{
			code: refusedIncomplete, status: http.StatusBadRequest, level: slog.LevelInfo, close: true,
			message: "The body ended early, its transfer coding is broken, or it came by HTTP/1.0 without a Content-Length. Nothing was stored; " +
				"send it again.",
		},
		{
			code: refusedTimeout, status: http.StatusRequestTimeout, level: slog.LevelWarn, close: true,
			message: "The body did not arrive in time. Nothing was stored; send it again.",
		},
		{
			code: refusedTooLarge, status: http.StatusRequestEntityTooLarge, level: slog.LevelWarn, close: true,
			message: "The body is over the limit. Its headers, size and start were put into quarantine; " +
				"use a payload template that leaves large fields out, or raise http.max_body.",
		},
		{
			code: refusedEncoding, status: http.StatusUnsupportedMediaType, level: slog.LevelWarn,
			header:  [2]string{"Accept-Encoding", "identity"},
			message: "The body is compressed. Send it without Content-Encoding.",
		},
		{
			code: refusedMediaType, status: http.StatusUnsupportedMediaType, level: slog.LevelWarn,
			message: "This source takes JSON. Remove Content-Type from the webhook's headers template, or set it to application/json.",
		},
	}
}

// gateRefusals are the answers to requests that could not be decided.
func gateRefusals() []refusal {
	return []refusal{
		{
			code: refusedLimited, status: http.StatusTooManyRequests, level: slog.LevelWarn, retry: time.Second,
			message: "More new events than this source or client may send. Nothing was stored; send it again later.",
		},
		{
			code: refusedInternal, status: http.StatusInternalServerError, level: slog.LevelError,
			message: "Something is broken here; the log has the details under this answer's X-Request-Id. Send it again.",
		},
		{
			code: refusedBusy, status: http.StatusServiceUnavailable, level: slog.LevelError, retry: time.Second,
			message: "Too many requests are waiting. Nothing was stored; send it again.",
		},
		{
			code: refusedUnavailable, status: http.StatusServiceUnavailable, level: slog.LevelError, retry: 5 * time.Second,
			message: "The database can't be reached, so nobody can tell whether this event is known. Send it again.",
		},
		{
			code: refusedStopping, status: http.StatusServiceUnavailable, level: slog.LevelError, retry: time.Second, close: true,
			message: "This instance is shutting down. Nothing was stored; send it again.",
		},
	}
}

// RefusalCodes lists the codes that a [Meter] is told of.
func RefusalCodes() []string {
	var codes []string
	for _, r := range refusals() {
		codes = append(codes, string(r.code))
	}
	return codes
}

// statusTable is the refusals by code.
type statusTable map[refusalCode]*refusal

func newStatusTable() statusTable {
	t := statusTable{}
	for _, r := range refusals() {
		t[r.code] = &r
	}
	return t
}

// write answers with a row of the table, with a Retry-After of at least the given time where the row has one; 0: the
// row's own. The request's rest may be unread.
func (r *refusal) write(w http.ResponseWriter, after time.Duration) {
	h := w.Header()
	h["Content-Type"] = jsonType
	if r.retry > 0 {
		least := int((max(r.retry, after) + time.Second - 1) / time.Second)
		seconds := least + rand.IntN(least+1) //nolint:gosec // it spreads retries, it guards nothing
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if r.header[0] != "" {
		h.Set(r.header[0], r.header[1])
	}
	if r.close {
		h.Set("Connection", "close")
	}
	w.WriteHeader(r.status)
	b := append([]byte(nil), `{"status":"error","error":"`...)
	b = append(b, r.code...)
	b = append(b, `","message":`...)
	b = appendJSONString(b, r.message)
	_, _ = w.Write(append(b, '}', '\n')) // a client that is gone needs no answer
}

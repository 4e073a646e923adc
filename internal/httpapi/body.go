package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	// oversizeKept is how much of a body over the limit is kept.
	oversizeKept = 64 << 10
	// oversizePatience is how long the start of a body over the limit is waited for.
	oversizePatience = 2 * time.Second
	// firstChunk is the first buffer for a body of unannounced length.
	firstChunk = 4 << 10
	// announcedChunk is the first buffer for a body of announced length: all of it, unless it is announced to be large.
	announcedChunk = 64 << 10
)

var errBodyTooLarge = errors.New("the body is over the limit")

// readBody reads a body of the announced length (-1: not announced) into a buffer of its own, which grows with what has
// come: announcing a large body costs us nothing. The buffer is the caller's for good: it is in no pool, because the gate
// may hold it after the request has ended.
//
// A body over the limit is errBodyTooLarge; a length announced as such is refused without reading, else the bytes that
// were read are returned with it. All other errors are those of r.
func readBody(r io.Reader, length, limit int64) ([]byte, error) {
	switch {
	case length > limit:
		return nil, errBodyTooLarge
	case length >= 0:
		return readAnnounced(r, length)
	}
	body := make([]byte, 0, min(firstChunk, limit+1))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return body, errBodyTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		}
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(2*int64(cap(body)), limit+1))
			copy(grown, body)
			body = grown
		}
	}
}

// readAnnounced reads a body of the announced length into a buffer that is no larger than that in the end.
func readAnnounced(r io.Reader, length int64) ([]byte, error) {
	body := make([]byte, min(length, announcedChunk))
	n, err := io.ReadFull(r, body)
	for err == nil && int64(n) < length {
		grown := make([]byte, min(2*int64(len(body)), length))
		copy(grown, body)
		body = grown
		var more int
		more, err = io.ReadFull(r, body[n:])
		n += more
	}
	return body[:n], err
}

// errNoLength is for the log.
var errNoLength = errors.New("an HTTP/1.0 request does not say how long its body is")

// hasLength reports whether it is known where the body ends. In HTTP/1.0 only a length says it; net/http takes a body without
// one for empty, also if it came in chunks.
func hasLength(r *http.Request) bool {
	return r.ProtoAtLeast(1, 1) || len(r.Header["Content-Length"]) > 0
}

// readFailure says what a failed read means for the sender.
func readFailure(err error) refusalCode {
	switch {
	case errors.Is(err, errBodyTooLarge):
		return refusedTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refusedTimeout
	default: // the client hung up, or broke the transfer coding
		return refusedIncomplete
	}
}

// readStart reads the first bytes of a body whose announced length is over the limit, for as long as oversizePatience. A
// body that stalls gives what has come; one that breaks off is an error.
func readStart(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(oversizePatience)) // without one, the server's holds
	start := make([]byte, min(r.ContentLength, oversizeKept))
	n, err := io.ReadFull(r.Body, start)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	return start[:n], nil
}

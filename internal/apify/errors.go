package apify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The errors of a [Client]; each is wrapped with the call that it is about.
var (
	// ErrNotFound: Apify does not know the object, or does not show it to this token.
	ErrNotFound = errors.New("unknown to Apify")
	// ErrRefused: the token is wrong, or lacks a right.
	ErrRefused = errors.New("refused by Apify: check apify.token and what it may read")
	// ErrUnavailable: no usable answer in time, or too many requests. Asking again later may help.
	ErrUnavailable = errors.New("Apify can't be asked right now") //nolint:staticcheck // a name stands first
	// ErrAnswer: the answer is not what Apify documents, or too long to be read.
	ErrAnswer = errors.New("an answer that Apify does not document")
)

// statusError is an answer that is no 200. Of the body only the type is told, a word of Apify's own closed list.
type statusError struct {
	status int
	kind   string
}

func (e *statusError) Error() string {
	if e.kind == "" {
		return fmt.Sprintf("status %d", e.status)
	}
	return fmt.Sprintf("status %d, %s", e.status, e.kind)
}

// Unwrap says what the status means to a caller.
func (e *statusError) Unwrap() error {
	switch {
	case e.status == http.StatusNotFound:
		return ErrNotFound
	case e.status == http.StatusUnauthorized, e.status == http.StatusForbidden:
		return ErrRefused
	case e.passes():
		return ErrUnavailable
	default:
		return ErrAnswer
	}
}

// passes reports a status that another try may not meet.
func (e *statusError) passes() bool {
	return e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout || e.status >= http.StatusInternalServerError
}

func newStatusError(status int, body []byte) *statusError {
	var told struct {
		Error struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &told) // proxies answer in HTML
	if !dedup.IsPlainID(told.Error.Type) {
		told.Error.Type = ""
	}
	return &statusError{status, told.Error.Type}
}

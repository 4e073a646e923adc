package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// plainProblem is a problem (RFC 9457) that needs no details.
type plainProblem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// writeProblem answers with a problem outside of the API's own operations.
func writeProblem(c *gin.Context, status int, detail string) {
	body, err := json.Marshal(plainProblem{http.StatusText(status), status, detail})
	if err != nil {
		panic(err) // two texts and a number have a JSON form
	}
	c.Data(status, "application/problem+json", append(body, '\n'))
}

// problem translates an error of one of the ports. What the table does not know is 500, logged here and not told.
func (a *admin) problem(ctx context.Context, operation string, err error) error {
	var known huma.StatusError
	var headed huma.HeadersError
	switch {
	case errors.As(err, &headed):
		return err
	case errors.As(err, &known):
		return known
	case errors.Is(err, view.ErrNotFound):
		return huma.Error404NotFound("There is no such entry, or it is older than the retention.")
	case errors.Is(err, view.ErrBadCursor):
		return huma.Error400BadRequest("Bad cursor: pass the 'next' of an earlier page unchanged, with the same filters.")
	case errors.Is(err, view.ErrAmbiguous):
		return huma.Error409Conflict("More than one run or build has this id: add ?source=… or ?kind=run|build.")
	case errors.Is(err, ErrCantReplay), errors.Is(err, ErrNoSamples):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, ErrNoDestination), errors.Is(err, ErrNoSource):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, view.ErrBadSelection):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, view.ErrTooMany):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, dedup.ErrContended):
		return huma.ErrorWithHeaders(
			huma.Error503ServiceUnavailable("Somebody else is changing the same entries. Nothing was changed; try again."),
			http.Header{"Retry-After": {"1"}})
	case errors.Is(err, dedup.ErrUnclear):
		a.Log.LogAttrs(ctx, slog.LevelError, "admin request left unclear", slog.String("operation", operation), slog.Any("error", err))
		return huma.Error503ServiceUnavailable("The database did not say whether the change was made. Look before you try again.")
	case errors.Is(err, dedup.ErrUnavailable), errors.Is(err, dedup.ErrBusy), errors.Is(err, dedup.ErrStopped),
		errors.Is(err, context.DeadlineExceeded):
		a.Log.LogAttrs(ctx, slog.LevelError, "admin request failed", slog.String("operation", operation), slog.Any("error", err))
		return huma.ErrorWithHeaders(
			huma.Error503ServiceUnavailable("The database can't be reached or is too slow. Ask again, or for a shorter time range."),
			http.Header{"Retry-After": {"5"}})
	case errors.Is(err, context.Canceled): // the operator has gone
		return huma.Error503ServiceUnavailable("The request was cancelled.")
	default:
		a.Log.LogAttrs(ctx, slog.LevelError, "admin request failed", slog.String("operation", operation), slog.Any("error", err))
		return huma.Error500InternalServerError("Something is broken here; the log has the details.")
	}
}

// badParameter is a value that the schema can't judge.
func badParameter(location, message string, value any) error {
	return huma.Error422UnprocessableEntity("validation failed",
		&huma.ErrorDetail{Location: location, Message: message, Value: value})
}

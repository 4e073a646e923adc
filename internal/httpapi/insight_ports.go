package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Dashboard is what the pages ask beside the listings. Without one (all fields nil) the API lacks those operations.
type Dashboard struct {
	Insight Insight
	Process Process
	Audit   AuditReader
	Samples Samples
	Live    LiveReader
	// Ending is closed when the process begins to shut down, so that streams end; nil: never.
	Ending <-chan struct{}
}

func (d *Dashboard) complete() bool {
	return d.Insight != nil && d.Process != nil && d.Audit != nil && d.Samples != nil && d.Live != nil
}

// ErrNoSource is wrapped where a source is named that is not configured. Its whole text is shown to the operator.
var ErrNoSource = errors.New("no such source")

// Insight says how things went and what to change. Errors: [ErrNoSource], [dedup.ErrUnavailable].
type Insight interface {
	Overview(ctx context.Context, r view.Range, source string) (view.Overview, error)
	Top(ctx context.Context, q view.TopQuery) (view.Top, error)
	Windows(ctx context.Context, r view.Range) ([]view.WindowSummary, error)
	WindowAdvice(ctx context.Context, q view.WindowQuery) (view.WindowAdvice, error)
}

// Process says how this process is set up. Errors: [dedup.ErrUnavailable].
type Process interface {
	Status(ctx context.Context) (view.Status, error)
	SourceList(ctx context.Context, r view.Range) (view.SourceList, error)
	Configuration() (view.ConfigState, error)
	// Connect gives [view.ErrNotFound] unless the gateway has made its source's token itself.
	Connect() (view.Connect, error)
}

// AuditReader lists who changed what. Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
type AuditReader interface {
	AuditEntries(ctx context.Context, q view.AuditQuery) (view.Page[view.AuditEntry], error)
}

// ErrNoSamples is what [Samples] gives on a gateway that is no trial.
var ErrNoSamples = errors.New("samples can be sent to a gateway that runs embedded, for trying out; use 'dedupgate send' for others")

// Samples sends a webhook as Apify would, through the public listener's own handler. again sends the last one once more.
// Errors: [ErrNoSamples].
type Samples interface {
	SendSample(ctx context.Context, again bool) (view.SentSample, error)
}

// LiveReader finds new receipts. Errors: [dedup.ErrUnavailable].
type LiveReader interface {
	// ReceiptMarks lists the receipts received at a time or later, newest first.
	ReceiptMarks(ctx context.Context, since time.Time, limit int) ([]view.ReceiptMark, error)
	// LiveReceipts reads those receipts, oldest first.
	LiveReceipts(ctx context.Context, marks []view.ReceiptMark) ([]view.LiveReceipt, error)
}

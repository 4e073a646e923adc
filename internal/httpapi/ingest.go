package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

// ingest receives webhooks. One serves all requests.
type ingest struct {
	sources  Sources
	gate     Gate
	oversize OversizeKeeper
	maxBody  func() int64
	meter    Meter
	repeats  RepeatCounter   // nil: nobody counts them
	others   OtherBodyKeeper // nil: nobody keeps them
	log      *slog.Logger
	statuses statusTable
	answers  *answers
	// strangers are charged for failed authentications.
	strangers *strangers
	unproven  *crowd
	underWay  atomic.Int64
}

func newIngest(o *Options) *ingest {
	return &ingest{
		sources: o.Sources, gate: o.Gate, oversize: o.Oversize, maxBody: o.MaxBody, meter: o.Meter, repeats: o.Repeats, others: o.OtherBodies, log: o.Log,
		statuses: newStatusTable(), answers: newAnswers(),
		strangers: newStrangers(o.Limits), unproven: newCrowd(),
	}
}

// webhook is what is known of one request so far.
type webhook struct {
	receiptID  dedup.ID
	receivedAt time.Time // UTC, milliseconds
	started    time.Time // with its monotonic reading
	remoteIP   string

	name    string         // of the source; "" when there is none such
	source  *source.Source // nil until the sender has proved to be it
	bytes   int64          // of the body, as far as known; -1 when not
	in      *dedup.Inbound // nil until the body was read
	verdict dedup.Verdict

	configured *source.Source // by the name that was asked for; nil when there is none
	retryAfter time.Duration  // for a refusal that says so; 0: as the status table says
	cause      error          // why it was refused, for the log; never holds what the sender sent
	quiet      bool           // its refusal is for the debug log alone: there were enough of its kind
}

// handle is POST /webhooks/:source.
func (i *ingest) handle(c *gin.Context) {
	i.meter.InFlight(1)
	defer i.meter.InFlight(-1)
	now := time.Now()
	w := webhook{
		receiptID: dedup.NewID(now), receivedAt: now.UTC().Truncate(time.Millisecond), started: now,
		remoteIP: c.ClientIP(), bytes: c.Request.ContentLength,
	}
	receiptID := w.receiptID.String()
	c.Writer.Header()[requestIDHeader] = []string{receiptID}
	if code := i.receive(c, &w); code != noRefusal {
		i.refuse(c.Writer, &w, i.statuses[code])
		return
	}
	i.respond(c.Writer, &w, receiptID)
}

// receive takes a request from its first header to its verdict. Where a signature is part of the proof the body is read
// before anything is said about the request.
func (i *ingest) receive(c *gin.Context, w *webhook) refusalCode {
	r := c.Request
	query := r.URL.Query()
	visit, code := i.knock(c, w, query)
	if code != noRefusal {
		return code
	}
	var body []byte
	if visit.NeedsBody() {
		if body, code = i.readProof(r, w); code != noRefusal {
			return code
		}
	}
	if code := i.prove(w, visit, r.Header, body); code != noRefusal {
		return code
	}
	defer i.underWay.Add(-1)
	if most := i.strangers.limits().InFlight; i.underWay.Add(1) > int64(most) && most > 0 {
		return refusedBusy
	}
	request := source.Request{
		Header: r.Header, Query: query, ReceiptID: w.receiptID, ReceivedAt: w.receivedAt, RemoteIP: w.remoteIP, Body: body,
	}
	return i.take(c, w, request, visit.NeedsBody())
}

// take receives from a known sender.
func (i *ingest) take(c *gin.Context, w *webhook, request source.Request, read bool) (code refusalCode) {
	if code = acceptable(w.source.Kind, request.Header); code != noRefusal {
		return code
	}
	if !hasLength(c.Request) {
		w.cause = errNoLength
		return refusedIncomplete
	}
	if !read {
		if request.Body, code = i.read(c, w, request); code != noRefusal {
			return code
		}
	}
	w.bytes = int64(len(request.Body))
	return i.admit(c.Request.Context(), w, request)
}

// read reads the body of a sender who is known. One over the limit goes to quarantine.
func (i *ingest) read(c *gin.Context, w *webhook, request source.Request) ([]byte, refusalCode) {
	body, err := readBody(c.Request.Body, c.Request.ContentLength, i.maxBody())
	switch {
	case errors.Is(err, errBodyTooLarge):
		return nil, i.keepOversize(c, w, request, body)
	case err != nil:
		w.cause = err
		return nil, readFailure(err)
	}
	return body, noRefusal
}

// admit asks the gate. The client can't cancel it: what it has sent is decided and stored whether it waits or not.
func (i *ingest) admit(ctx context.Context, w *webhook, request source.Request) refusalCode {
	arrived := time.Now()
	in := w.source.Identify(request)
	w.in = &in
	v, err := i.gate.Admit(context.WithoutCancel(ctx), w.in)
	if err != nil {
		w.cause = err
		if limit, ok := errors.AsType[*dedup.LimitedError](err); ok {
			w.retryAfter = limit.RetryAfter
		}
		return gateFailure(err)
	}
	w.verdict = v
	if v.Outcome == dedup.OutcomeDuplicate {
		i.noteRepeat(w)
	}
	i.meter.Receipt(w.source.Name, v, time.Since(arrived))
	return noRefusal
}

// noteRepeat tells of a duplicate who counts them, and who keeps what they say. A retry is the same request over again; what
// tells again an event in doubt is kept with its doubt.
func (i *ingest) noteRepeat(w *webhook) {
	if i.repeats != nil {
		i.repeats.Repeat(w.source.Name, w.in.Run.ID, w.in.DispatchID)
	}
	if i.others != nil && w.verdict.Repeat != dedup.RepeatRetry && !w.verdict.InDoubt {
		i.others.Offer(w.verdict.EventID, w.in)
	}
}

// keepOversize puts what was read of a body over the limit into quarantine. The request is refused whatever happens.
func (i *ingest) keepOversize(c *gin.Context, w *webhook, request source.Request, read []byte) refusalCode {
	size := c.Request.ContentLength
	if size >= 0 {
		start, err := readStart(c.Writer, c.Request)
		if err != nil {
			w.cause = err
			return readFailure(err)
		}
		read = start
	}
	request.Body = read[:min(len(read), oversizeKept)]
	in := w.source.Quarantine(request, dedup.ReasonTooLarge, i.statuses[refusedTooLarge].message)
	if err := i.oversize.KeepOversize(context.WithoutCancel(c.Request.Context()), &in, size); err != nil {
		w.cause = err
		return gateFailure(err)
	}
	return refusedTooLarge
}

// gateFailure says what the gate's error means for the sender.
func gateFailure(err error) refusalCode {
	var limit *dedup.LimitedError
	switch {
	case errors.As(err, &limit):
		return refusedLimited
	case errors.Is(err, dedup.ErrBusy):
		return refusedBusy
	case errors.Is(err, dedup.ErrStopped):
		return refusedStopping
	case errors.Is(err, dedup.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return refusedUnavailable
	default:
		return refusedInternal
	}
}

func (i *ingest) refuse(rw http.ResponseWriter, w *webhook, row *refusal) {
	i.meter.Refused(string(row.code))
	row.write(rw, w.retryAfter)
	i.logRefused(w, row)
}

func (i *ingest) respond(rw http.ResponseWriter, w *webhook, receiptID string) {
	a := answer{verdict: w.verdict, receiptID: receiptID, message: answerMessage(w.verdict, w.in), runID: w.in.Run.ID}
	status := http.StatusOK
	if w.verdict.Outcome == dedup.OutcomeQuarantined {
		status = w.source.QuarantineStatus
		a.runID = ""
		a.quarantineID = w.verdict.QuarantineID.String()
	} else {
		a.eventID = w.verdict.EventID.String()
	}
	i.answers.write(rw, status, &a)
	i.logReceipt(w, &a, status)
}

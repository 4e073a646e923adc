package apify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Witness is what a [Verifier] asks of Apify; a [Client] has it.
type Witness interface {
	Dispatch(ctx context.Context, id string) (Dispatch, error)
	Job(ctx context.Context, ref dedup.RunRef) (Job, error)
	UserID(ctx context.Context) (string, error)
}

// Telling is what the record has of a run: whether a dispatch has told another event.
type Telling interface {
	Recorded(ctx context.Context, source string, runs []dedup.RunRef, keys []string) ([]view.Event, error)
}

// Looker compares what a request has told with what Apify knows. It is safe for concurrent use.
type Looker struct {
	witness Witness
	telling Telling
	gateway func() (*Gateway, error)

	mu     sync.Mutex
	userID string
}

// NewLooker makes a looker; nothing is asked yet. gateway is asked each time.
func NewLooker(witness Witness, telling Telling, gateway func() (*Gateway, error)) *Looker {
	return &Looker{witness: witness, telling: telling, gateway: gateway}
}

// Look looks an event up. An empty objection means that Apify confirms it; else it says what Apify does not, for operators.
// Errors: those of a [Client] but [ErrNotFound], and of the ledger: nobody could tell.
func (l *Looker) Look(ctx context.Context, d *delivery.Doubt) (objection string, err error) {
	if d.Via == dedup.ViaReconciled {
		return "", nil // it was made from what Apify has told
	}
	if d.By == delivery.LookupRun && d.Type != "TEST" {
		return l.byRun(ctx, d)
	}
	return l.byDispatch(ctx, d) // a TEST has nothing else that Apify knows
}

func (l *Looker) byDispatch(ctx context.Context, d *delivery.Doubt) (string, error) {
	if d.DispatchID == "" {
		return "the request named no dispatch", nil
	}
	gateway, err := l.gateway()
	if err != nil {
		return "", err
	}
	dispatch, err := l.witness.Dispatch(ctx, d.DispatchID)
	switch {
	case errors.Is(err, ErrNotFound):
		return "Apify knows no such dispatch", nil
	case err != nil:
		return "", err
	}
	switch target := l.leads(gateway, &dispatch); {
	case target != d.Source:
		return "the dispatch belongs to a webhook that does not point at this source", nil
	case d.Type != "" && d.Type != dispatch.EventType:
		return fmt.Sprintf("the request told %s, the dispatch tells %s", d.Type, dispatch.EventType), nil
	case d.Run.ID != "" && d.Type != "TEST" && d.Run != dispatch.Run():
		return "the request and the dispatch tell of different runs", nil
	}
	return l.toldBefore(ctx, d, dispatch.Run())
}

func (l *Looker) leads(gateway *Gateway, d *Dispatch) string {
	if d.Webhook == nil {
		return ""
	}
	if target := gateway.Target(d.Webhook.RequestURL); target != nil {
		return target.Source.Name
	}
	return ""
}

// toldBefore objects to a second event of one dispatch: a true dispatch id with another's body. It looks at the run that the
// dispatch is about, since a body that names none has a key of its own.
func (l *Looker) toldBefore(ctx context.Context, d *delivery.Doubt, run dedup.RunRef) (string, error) {
	if run.ID == "" {
		return "", nil // a TEST: its key is the dispatch
	}
	events, err := l.telling.Recorded(ctx, d.Source, []dedup.RunRef{run}, nil)
	if err != nil {
		return "", err
	}
	other := slices.IndexFunc(events, func(e view.Event) bool {
		return e.DispatchID == d.DispatchID && e.ID != d.EventID.String() && e.Doubt != view.DoubtUnverified
	})
	if other >= 0 {
		return "the dispatch has told another event: " + events[other].ID, nil
	}
	return "", nil
}

func (l *Looker) byRun(ctx context.Context, d *delivery.Doubt) (string, error) {
	if d.Run.ID == "" {
		return "the request named no run", nil
	}
	if !isTypeOf(d.Run.Kind, d.Type) {
		return fmt.Sprintf("the request told no type of event that a %s has", d.Run.Kind), nil
	}
	user, err := l.user(ctx)
	if err != nil {
		return "", err
	}
	job, err := l.witness.Job(ctx, d.Run)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Sprintf("Apify knows no such %s", d.Run.Kind), nil
	case err != nil:
		return "", err
	case job.UserID != user:
		return fmt.Sprintf("the %s belongs to another account", d.Run.Kind), nil // anybody can read it who knows its id
	}
	return disagreement(&job, d), nil
}

// isTypeOf reports a type that says what has become of a run or build. No other can be compared with what Apify has of it.
func isTypeOf(kind dedup.Kind, eventType string) bool {
	prefix := "ACTOR.RUN."
	if kind == dedup.KindBuild {
		prefix = "ACTOR.BUILD."
	}
	verb, ok := strings.CutPrefix(eventType, prefix)
	status := dedup.Status(verb)
	return ok && (status == dedup.StatusCreated || status.IsEnd() || status == dedup.StatusResurrected && kind == dedup.KindRun)
}

// disagreement says what a document read now does not bear out. A run that was taken up again bears out any earlier life.
func disagreement(job *Job, d *delivery.Doubt) string {
	status := statusOf(d.Type)
	switch {
	case status == dedup.StatusResurrected && job.Stats.Resurrections == 0:
		return "at Apify the run was never resurrected"
	case status == dedup.StatusResurrected && d.Generation != "" && !isLife(d.Generation, job.Stats.Resurrections):
		return "the request told more resurrections than Apify"
	case !status.IsEnd() || job.Stats.Resurrections > 0:
		return ""
	case job.End() != status:
		return fmt.Sprintf("the request told %s, at Apify it is %s", strings.ToLower(string(status)), strings.ToLower(job.Status))
	case d.Generation != "" && (job.FinishedAt == nil || !sameMoment(d.Generation, *job.FinishedAt)):
		return "the request told another time of the end than Apify"
	default:
		return ""
	}
}

// isLife reports the number of a resurrection that has been.
func isLife(text string, resurrections int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n <= resurrections
}

func sameMoment(text string, at time.Time) bool {
	told, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && told.Equal(at)
}

// user is the account's id, asked once.
func (l *Looker) user(ctx context.Context) (string, error) {
	l.mu.Lock()
	known := l.userID
	l.mu.Unlock()
	if known != "" {
		return known, nil
	}
	id, err := l.witness.UserID(ctx)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.userID = id
	return id, nil
}

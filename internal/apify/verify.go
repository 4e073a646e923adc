package apify

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	now     func() time.Time

	mu     sync.Mutex
	userID string
}

// NewLooker makes a looker; nothing is asked yet. gateway is asked each time.
func NewLooker(witness Witness, telling Telling, gateway func() (*Gateway, error)) *Looker {
	return &Looker{witness: witness, telling: telling, gateway: gateway, now: time.Now}
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
	case d.Run.ID != "" && d.Type != "TEST" && !isRun(d, dispatch.Run()):
		return "the request and the dispatch tell of different runs", nil
	}
	return l.toldBefore(ctx, d, dispatch.Run())
}

// isRun reports that a request speaks of a run or build, as far as it can be told: without a type, what its resource names is
// taken for a run's, and may be a build's.
func isRun(d *delivery.Doubt, run dedup.RunRef) bool {
	return d.Run == run || d.Type == "" && d.Run.Kind == dedup.KindRun && d.Run.ID == run.ID
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

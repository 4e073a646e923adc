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
	// ToldBy finds one of some events that a request under a dispatch has told, be it as a repeat; "" when none has.
	ToldBy(ctx context.Context, dispatchID string, events []string) (event string, err error)
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
	case isAfter(d, dispatch.CreatedAt):
		return "the request told an end after its dispatch was made", nil
	}
	return l.contradicted(ctx, d, &dispatch)
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

// isAfter reports an end that is told to have been after a time, by more than clocks may differ.
func isAfter(d *delivery.Doubt, at time.Time) bool {
	told, err := time.Parse(time.RFC3339Nano, d.Generation)
	return err == nil && dedup.StatusOf(d.Type).IsEnd() && told.After(at.Add(clockSlack))
}

// contradicted objects to a second event of one dispatch: a true dispatch id with another's body. It looks at the run that the
// dispatch is about, since a body that names none has a key of its own. A dispatch that came as a repeat stands at no event;
// where its receipt tells nothing, Apify is asked what became of the run, if that has had such an end before.
func (l *Looker) contradicted(ctx context.Context, d *delivery.Doubt, dispatch *Dispatch) (string, error) {
	run := dispatch.Run()
	if run.ID == "" {
		return "", nil // a TEST: its key is the dispatch
	}
	runs := []dedup.RunRef{run}
	if d.Run.ID != "" {
		runs = append(runs, d.Run) // a build's resource may have been taken for a run's
	}
	events, err := l.telling.Recorded(ctx, d.Source, runs, nil)
	if err != nil {
		return "", err
	}
	others := confirmedBeside(d, events)
	event := toldFirst(d, events)
	if event == "" {
		event, err = l.telling.ToldBy(ctx, d.DispatchID, idsOf(others))
	}
	switch {
	case err != nil:
		return "", err
	case event != "":
		return "the dispatch has told another event: " + event, nil
	case !slices.ContainsFunc(others, func(e view.Event) bool { return e.Type == dispatch.EventType }):
		return "", nil
	}
	job, err := l.witness.Job(ctx, run)
	if errors.Is(err, ErrNotFound) {
		return "", nil // it is gone; the dispatch is not
	}
	if err != nil {
		return "", err
	}
	return disagreement(&job, d, l.now()), nil
}

// toldFirst finds another event that names the request's dispatch: a confirmed one, or one that waits, too, and came before.
func toldFirst(d *delivery.Doubt, events []view.Event) string {
	asked := d.EventID
	if !d.Retelling.IsZero() {
		asked = d.Retelling
	}
	for i := range events {
		e := &events[i]
		if e.DispatchID == d.DispatchID && e.ID != d.EventID.String() &&
			(e.Doubt == "" || e.Doubt == view.DoubtWaiting && e.ID < asked.String()) {
			return e.ID
		}
	}
	return ""
}

// confirmedBeside are the other events of which there is no doubt.
func confirmedBeside(d *delivery.Doubt, events []view.Event) []view.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e view.Event) bool { return e.Doubt != "" || e.ID == d.EventID.String() })
}

func idsOf(events []view.Event) []string {
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	return ids
}

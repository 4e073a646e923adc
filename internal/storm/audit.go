package storm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// audit compares the storm's books with the gateway's. Nothing is sent any more; what was sent last and had no answer may
// still arrive while the gateway's books are read, so sums that differ are asked for again before they are called wrong.
type audit struct {
	*Options
	books  *books
	report *Report

	span     view.Range
	owner    map[dedup.ID]place         // event ids that answers named
	rows     map[dedup.ID]view.Event    // the gateway's events of the storm, without their headers
	runOf    map[dedup.ID]*played       // whose they are
	perRun   map[*played]*tally         // the same, counted
	counts   map[dedup.ID]*receiptCount // receipts of each event
	recounts int                        // how many sums may still be asked for again
}

// maxRecounts keeps an audit of books that are wrong all through from asking for each of them again.
const maxRecounts = 100

// tally counts the gateway's events of one run and of the TEST beside it.
type tally struct {
	byType map[string]int
	ofRun  int // without TEST
	news   int // that say they were the run's first
}

// place names an event of the storm.
type place struct {
	run *played
	e   int
}

func (a *audit) found(kind Kind, at place, format string, args ...any) {
	a.books.found(at.run.finding(kind, at.e, fmt.Sprintf(format, args...)))
}

func (a *audit) run(ctx context.Context, phase func(string)) error {
	if len(a.books.receipts) == 0 {
		return nil
	}
	a.span = a.books.span(a.report.Took)
	phase("draining")
	if err := a.drain(ctx); err != nil {
		return err
	}
	phase("checking")
	a.recounts = maxRecounts
	a.claimIDs()
	for _, check := range []func(context.Context) error{a.readEvents, a.checkEvents, a.checkRuns, a.checkReceipts, a.checkBodies} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if a.Sink != nil {
		phase("waiting for the sink")
	}
	return a.checkHanded(ctx)
}

// span is when the gateway may have received the storm, by its own clock: ids carry it. The margin covers attempts whose
// answers were lost.
func (b *books) span(took time.Duration) view.Range {
	first := b.receipts[0].id.Time()
	for _, n := range b.receipts {
		for _, id := range []dedup.ID{n.id, n.event} {
			if at := id.Time(); !id.IsZero() && at.Before(first) {
				first = at
			}
		}
	}
	return view.Range{Since: first.Add(-took - time.Minute)}
}

// drain waits until Redis holds no receipts any more.
func (a *audit) drain(ctx context.Context) error {
	deadline := time.Now().Add(a.Patience)
	for {
		stats, err := ask(ctx, a, func() (view.Stats, error) { return a.API.Stats(ctx, a.span) })
		if err != nil {
			return err
		}
		if stats.HitsWaiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			a.books.found(Finding{Kind: KindReceipts, Detail: fmt.Sprintf(
				"%d receipts of duplicates still wait in Redis after %s (-1: Redis can't tell); is the drainer running?", stats.HitsWaiting, a.Patience)})
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// ask puts a question to the admin API until it is answered or the patience ends. Refusals that won't pass are answers.
func ask[T any](ctx context.Context, a *audit, question func() (T, error)) (T, error) {
	deadline := time.Now().Add(a.Patience)
	for {
		v, err := question()
		problem, refused := errors.AsType[*client.Problem](err)
		passing := errors.Is(err, client.ErrUnreachable) || refused && problem.Temporary()
		if !passing || time.Now().After(deadline) {
			return v, err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return v, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// each reads a listing to its end.
func each[T any](ctx context.Context, a *audit, read func(view.Paging) (view.Page[T], error), do func(T)) error {
	p := view.Paging{Limit: view.MaxLimit}
	for {
		page, err := ask(ctx, a, func() (view.Page[T], error) { return read(p) })
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			do(item)
		}
		if page.Next == "" {
			return nil
		}
		p.Cursor = page.Next
	}
}

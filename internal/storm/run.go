package storm

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// Run plays a storm and checks the books. The report says what is wrong with the gateway; an error means that the storm
// could not be played or checked: [ErrRefused], one of the client's, or ctx's own. The report is not nil once anything was
// sent.
func Run(ctx context.Context, opts Options) (*Report, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	p := &player{
		Options: &o,
		planner: planner{seed: o.Seed, webhooks: o.Webhooks, mix: *o.Mix, epoch: time.Now().UTC().Truncate(time.Millisecond)},
		sender:  newSender(&o), schedule: newSchedule(), books: newBooks(o.Runs),
		stage: make(chan struct{}, runsPerSlot*o.Concurrency),
	}
	defer p.sender.close()
	if err := p.preflight(ctx); err != nil {
		return nil, err
	}
	var phase phase
	defer p.reporting(ctx, &phase)()

	phase.set("sending")
	stopWatch := p.watching(ctx)
	err = p.play(ctx)
	stopWatch()
	report := p.books.report(o.Seed, time.Since(p.books.began))
	if err != nil {
		return report, err
	}
	a := &audit{Options: &o, books: p.books, report: report}
	err = a.run(ctx, phase.set)
	report.Findings = p.books.findings.list()
	if err != nil {
		return report, fmt.Errorf("check the books: %w", err)
	}
	return report, nil
}

// preflight makes sure that the books can be read before anything is sent, and that this seed is new here: of a storm that
// was played before everything is a duplicate, rightly.
func (p *player) preflight(ctx context.Context) error {
	runID := p.planner.script(0).runID
	page, err := p.API.Runs(ctx, view.RunQuery{Source: p.Source, RunID: runID})
	if err != nil {
		return err
	}
	if len(page.Items) > 0 {
		return fmt.Errorf("storm: seed %d was played against this gateway before (it knows run %s): take another, or none", p.Seed, runID)
	}
	return nil
}

// phase is what the storm is doing, for its progress.
type phase struct{ name atomic.Value }

func (p *phase) set(name string) { p.name.Store(name) }

// reporting calls Progress until the function it gives back is called.
func (p *player) reporting(ctx context.Context, ph *phase) (stop func()) {
	if p.Progress == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	tell := func() {
		name, _ := ph.name.Load().(string)
		p.Progress(p.books.progress(name, p.Runs))
	}
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-ctx.Done():
				tell()
				return
			}
		}
	})
	return func() { cancel(); group.Wait() }
}

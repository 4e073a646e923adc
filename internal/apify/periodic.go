package apify

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// firstPassAfter lets a gateway that has just started settle down.
const firstPassAfter = time.Minute

// Observer is told of every pass that a [Reconciler] makes by itself, but not of those that another process made.
type Observer interface {
	Reconciled(report Report, failed bool)
}

// Run makes a pass now and then until ctx ends; every is asked each time, and 0 means not at all. Of several processes one
// makes the pass, and the others see that it is done.
func (r *Reconciler) Run(ctx context.Context, every func() time.Duration, observer Observer) {
	for wait := firstPassAfter; ; {
		select {
		case <-time.After(wait + rand.N(wait/10+1)):
		case <-ctx.Done():
			return
		}
		if wait = every(); wait <= 0 {
			wait = firstPassAfter
			continue
		}
		r.turn(ctx, wait, observer)
	}
}

// turn makes a pass unless somebody has made one less than most of the interval ago.
func (r *Reconciler) turn(ctx context.Context, every time.Duration, observer Observer) {
	last, err := r.opts.Record.Progress(ctx, jobReconcile)
	if err == nil && r.opts.Now().Sub(last) < every*3/4 {
		return
	}
	var report Report
	if err == nil {
		report, err = r.Pass(ctx, PassOptions{})
	}
	switch {
	case ctx.Err() != nil || report.Elsewhere:
		return
	case errors.Is(err, ErrRefused):
		r.opts.Log.Error("Apify could not be asked for missing events", "error", err)
	case err != nil:
		r.opts.Log.Warn("Apify could not be asked for missing events; tried again later", "error", err, "again_in", every.String())
	case len(report.Missing) > 0:
		r.opts.Log.Info("asked Apify for missing events", "from", report.From, "dispatches", report.Dispatches, "runs", report.Runs,
			"missing", len(report.Missing), "injected", report.Count(ResultInjected))
	}
	observer.Reconciled(report, err != nil)
}

package dedup

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Drainer moves hits from the hit log into the ledger. A crash between the ledger's commit and the acknowledgement makes
// it move a hit twice; the ledger folds it by receipt id. Any number of drainers may run, in any number of processes.
type Drainer struct {
	Source   HitSource
	Sink     HitSink
	Batch    int // hits a transaction
	Observer Observer
	Log      *slog.Logger
	// Busy reports that senders wait for answers and that hits may wait instead; nil: never.
	Busy func() bool
}

// The waits after a failure of either side.
const (
	firstDrainWait = 50 * time.Millisecond
	maxDrainWait   = 2 * time.Second
	// While senders wait, the drainer rests this many times as long as it has worked, but no longer than maxDrainRest: a hit
	// is safe in Redis, and its receipt is a matter of bookkeeping, which a sender should not wait for.
	restForWork  = 30
	maxDrainRest = time.Second
)

// Run drains until ctx ends. Failures are waited out and logged once per outage; nothing is lost by them, since a hit
// leaves the log only after the commit that stored it.
func (d *Drainer) Run(ctx context.Context) {
	wait, failing := firstDrainWait, false
	for ctx.Err() == nil {
		_, err := d.Step(ctx)
		if err == nil {
			if failing {
				d.Log.Info("draining hits again")
			}
			wait, failing = firstDrainWait, false
			continue
		}
		if ctx.Err() == nil && !failing {
			d.Log.Warn("hits wait: they can't be moved into the database; nothing is lost", "error", err)
		}
		failing = true
		sleep(ctx, wait)
		wait = min(2*wait, maxDrainWait)
	}
}

// Step moves one batch, rests while senders wait, and returns the batch's size; 0 when none came for a while.
func (d *Drainer) Step(ctx context.Context) (int, error) {
	batch, err := d.Source.ReadHits(ctx, d.Batch)
	if err != nil || len(batch.Hits) == 0 {
		return 0, err
	}
	start := time.Now()
	err = d.record(ctx, batch.Hits)
	d.Observer.Observed(OpDrain, len(batch.Hits), time.Since(start), err != nil)
	if err != nil {
		return 0, err
	}
	// The commit is done: acknowledge even while shutting down, else the next drainer does the work again.
	err = d.Source.DoneHits(context.WithoutCancel(ctx), batch)
	if err == nil && d.Busy != nil && d.Busy() {
		sleep(ctx, min(restForWork*time.Since(start), maxDrainRest))
	}
	return len(batch.Hits), err
}

// record stores the hits; of those that the database refuses, the refused text is left out and the receipt kept.
func (d *Drainer) record(ctx context.Context, hits []Hit) error {
	err := d.Sink.RecordHits(ctx, hits)
	if !errors.Is(err, ErrRejected) {
		return err
	}
	if half := len(hits) / 2; half > 0 {
		return errors.Join(d.record(ctx, hits[:half]), d.record(ctx, hits[half:]))
	}
	hit := hits[0]
	hit.Type, hit.DispatchID, hit.RemoteIP = "", "", ""
	if err = d.Sink.RecordHits(ctx, []Hit{hit}); errors.Is(err, ErrRejected) {
		d.Log.Error("a hit's receipt is given up: the database refuses it", "receipt_id", hit.ReceiptID, "error", err)
		return nil
	}
	return err
}

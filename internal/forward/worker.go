package forward

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// worker is what River calls for each job.
type worker struct {
	river.WorkerDefaults[job]

	hand   func(ctx context.Context, claim delivery.Claim, destination string, snoozes int) next
	keeper *keeper
	jobs   jobs
}

// next says when to look at a delivery again; the zero value says that its job is done.
type next struct {
	again bool
	after time.Duration
}

func later(d time.Duration) next { return next{true, max(0, d)} }

// Timeout tells River not to end jobs: an attempt is bounded by its destination, and a result is told until it is stored.
func (w *worker) Timeout(*river.Job[job]) time.Duration { return -1 }

// Work hands on the deliveries of a job. It never fails: what River calls a failure would be counted and postponed by River.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	postponed := snoozes(j.Metadata)
	claims, err := j.Args.claims(postponed > 0 || j.Attempt > 1)
	if err != nil {
		return river.JobCancel(fmt.Errorf("delivery: %s", plain(err.Error())))
	}
	ctx, done := w.keeper.working(ctx, j.ID)
	defer done()
	all := w.handAll(ctx, claims, j.Queue, postponed)
	left, n := remaining(claims, all)
	if !n.again {
		return nil
	}
	if len(left.DeliveryIDs) < len(claims) {
		// If it fails, what is done is looked at once more.
		_ = w.jobs.shrink(ctx, j.ID, left)
	}
	return river.JobSnooze(n.after)
}

// handAll hands on all deliveries at the same time.
func (w *worker) handAll(ctx context.Context, claims []delivery.Claim, queue string, snoozes int) []next {
	all := make([]next, len(claims))
	var working sync.WaitGroup
	for i, c := range claims[1:] {
		working.Go(func() { all[i+1] = w.hand(ctx, c, queue, snoozes) })
	}
	all[0] = w.hand(ctx, claims[0], queue, snoozes)
	working.Wait()
	return all
}

// remaining is the job that is left of one whose deliveries say when to look at them again: it is looked at with the first.
func remaining(claims []delivery.Claim, all []next) (left job, first next) {
	left.Number = claims[0].Job
	for i, n := range all {
		if !n.again {
			continue
		}
		left.DeliveryIDs = append(left.DeliveryIDs, claims[i].Delivery.String())
		if !first.again || n.after < first.after {
			first = n
		}
	}
	return left, first
}

// snoozes is how often River has postponed the job; it keeps count itself.
func snoozes(metadata []byte) int {
	var m struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(metadata, &m) // without a count it is the first time
	return m.Snoozes
}

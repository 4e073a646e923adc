package forward

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// worker is what River calls for each job.
type worker struct {
	river.WorkerDefaults[job]

	hand   func(ctx context.Context, id dedup.ID, destination string, snoozes int) next
	keeper *keeper
}

// next says when to look at a delivery again; the zero value says that its job is done.
type next struct {
	again bool
	after time.Duration
}

func later(d time.Duration) next { return next{true, max(0, d)} }

// Timeout tells River not to end jobs: an attempt is bounded by its destination, and a result is told until it is stored.
func (w *worker) Timeout(*river.Job[job]) time.Duration { return -1 }

// Work hands on one delivery. It never fails: what River calls a failure would be counted and postponed by River.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	id, err := dedup.ParseID(j.Args.DeliveryID)
	if err != nil {
		return river.JobCancel(fmt.Errorf("delivery %q: %w", plain(j.Args.DeliveryID), err))
	}
	defer w.keeper.working(j.ID)()
	if n := w.hand(ctx, id, j.Queue, snoozes(j.Metadata)); n.again {
		return river.JobSnooze(n.after)
	}
	return nil
}

// snoozes is how often River has postponed the job; it keeps count itself.
func snoozes(metadata []byte) int {
	var m struct {
		Snoozes int `json:"snoozes"`
	}
	_ = json.Unmarshal(metadata, &m) // without a count it is the first time
	return m.Snoozes
}

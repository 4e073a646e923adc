package forward

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// keeper gives signs of life of the jobs that this process works on, and takes jobs from processes that give none: killed,
// cut off, or unable to say that they were done. Whether a sign is old is measured by watching it not change, so no two
// clocks are ever compared. It is safe for concurrent use.
type keeper struct {
	jobs  jobs
	store Store
	after time.Duration // without a sign of life
	log   *slog.Logger

	mu     sync.Mutex
	active map[int64]time.Time // jobs of this process, and when they were taken or kept

	seen map[int64]sighting // of the loop alone
}

// sighting is a sign of life of a job, and when this process saw it first.
type sighting struct {
	taken time.Time
	since time.Time
}

func newKeeper(j jobs, store Store, after time.Duration, log *slog.Logger) *keeper {
	return &keeper{jobs: j, store: store, after: after, log: log, active: map[int64]time.Time{}, seen: map[int64]sighting{}}
}

// working registers a job until done is called.
func (k *keeper) working(id int64) (done func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active[id] = time.Now()
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.active, id)
	}
}

// run looks three times within the time that a job may be silent.
func (k *keeper) run(ctx context.Context) {
	every := k.after / 3
	failed := false
	for wait(ctx, every) {
		err := k.look(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			k.log.Warn("jobs of processes that have gone can't be looked for", "error", err)
		}
		failed = err != nil
	}
}

func (k *keeper) look(parent context.Context) error {
	ctx, cancel := context.WithTimeout(parent, askTimeout)
	defer cancel()
	if err := k.keep(ctx); err != nil {
		return err
	}
	running, err := k.jobs.running(ctx)
	if err != nil {
		return err
	}
	stale := k.stale(running, time.Now())
	if len(stale) == 0 {
		return nil
	}
	deliveries, err := k.store.TakeOver(ctx, stale)
	if deliveries > 0 {
		k.log.Warn("deliveries of a process that has gone are taken up again", "deliveries", deliveries)
	}
	return err
}

// keep tells the others that the longer attempts of this process are alive.
func (k *keeper) keep(ctx context.Context) error {
	k.mu.Lock()
	now := time.Now()
	var ids []int64
	for id, kept := range k.active {
		if now.Sub(kept) >= k.after/4 {
			ids = append(ids, id)
			k.active[id] = now
		}
	}
	k.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	return k.jobs.keep(ctx, ids)
}

// stale returns the jobs of others whose sign of life has not changed for too long.
func (k *keeper) stale(running []delivery.LostJob, now time.Time) (stale []delivery.LostJob) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := make(map[int64]sighting, len(running))
	for _, r := range running {
		if _, mine := k.active[r.ID]; mine {
			continue
		}
		last, known := k.seen[r.ID]
		if !known || !last.taken.Equal(r.Taken) {
			last = sighting{r.Taken, now}
		}
		seen[r.ID] = last
		if now.Sub(last.since) >= k.after {
			stale = append(stale, r)
		}
	}
	k.seen = seen
	return stale
}

// takeAll takes over all running jobs: for a process that knows to be the only one, before it works any.
func (k *keeper) takeAll(ctx context.Context) error {
	running, err := k.jobs.running(ctx)
	if err != nil || len(running) == 0 {
		return err
	}
	deliveries, err := k.store.TakeOver(ctx, running)
	if deliveries > 0 {
		k.log.Warn("deliveries that were under way when the gateway went down are taken up again", "deliveries", deliveries)
	}
	return err
}

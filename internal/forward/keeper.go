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
	// others: there may be other processes, which take what is silent. Then this one stops in time when it can't be heard.
	others bool
	log    *slog.Logger

	mu     sync.Mutex
	active map[int64]*grip // jobs of this process

	seen map[int64]sighting // of the loop alone
}

// grip is this process's hold of a job. It ends before another process takes the job.
type grip struct {
	kept time.Time // when the job was taken, or its last sign of life was given
	end  *time.Timer
}

// sighting is a sign of life of a job, and when this process saw it first.
type sighting struct {
	taken time.Time
	since time.Time
}

func newKeeper(j jobs, store Store, after time.Duration, others bool, log *slog.Logger) *keeper {
	return &keeper{jobs: j, store: store, after: after, others: others, log: log, active: map[int64]*grip{}, seen: map[int64]sighting{}}
}

// working registers a job until done is called. The context ends with errSilent when no sign of life could be given for so
// long that another process is about to take the job.
func (k *keeper) working(parent context.Context, id int64) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(parent)
	g := &grip{kept: time.Now()}
	g.end = time.AfterFunc(k.silence(), func() {
		if k.others {
			cancel(errSilent)
		}
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active[id] = g
	return ctx, func() {
		g.end.Stop()
		cancel(nil)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.active, id)
	}
}

// silence is how long this process goes on without having given a sign of life: less than others wait for one.
func (k *keeper) silence() time.Duration { return k.after * 5 / 6 }

// run looks four times within the time that a job may be silent.
func (k *keeper) run(ctx context.Context) {
	every := k.after / 4
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
	now := time.Now()
	old := k.old(now)
	if len(old) == 0 {
		return nil
	}
	if err := k.jobs.keep(ctx, old); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range old {
		if g := k.active[id]; g != nil {
			g.kept = now
			g.end.Reset(k.silence() - time.Since(now))
		}
	}
	return nil
}

// old are the jobs whose last sign of life was a while ago.
func (k *keeper) old(now time.Time) (ids []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, g := range k.active {
		if now.Sub(g.kept) >= k.after/4 {
			ids = append(ids, id)
		}
	}
	return ids
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

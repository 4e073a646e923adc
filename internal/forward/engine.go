package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	"riverqueue.com/riverui"
)

// How River works for us.
const (
	// idleQueue lets a client start without destinations. No destination can be called like that.
	idleQueue = "dedupgate|idle"
	// doneKept is how long a job is seen in River's pages after its end. What became of a delivery is in the ledger.
	doneKept = 10 * time.Minute
	// afterPanic is the pause before a job whose worker has panicked is worked again.
	afterPanic = 30 * time.Second
	// fetchCooldown is the shortest time between two fetches of a queue: all its workers but those of slow attempts are busy
	// again after it. notifyCooldown is the shortest time between two notifications of a queue by one process.
	fetchCooldown  = 5 * time.Millisecond
	notifyCooldown = 10 * time.Millisecond
	// listeningPoll finds what a notification missed; without notifications there is polling only.
	listeningPoll = 250 * time.Millisecond
	pollingPoll   = 20 * time.Millisecond
)

// job is what River carries: everything else is in the ledger.
type job struct {
	DeliveryIDs []string `json:"delivery_ids"`
	Number      int      `json:"number"` // of each of them: see delivery.Claim
}

// Kind names the jobs in River's tables.
func (job) Kind() string { return jobKind }

const jobKind = "delivery"

// engine is River without its type parameter.
type engine interface {
	// start begins to work the queues; work ends with ctx.
	start(ctx context.Context) error
	// stop ends fetching and waits for the jobs under way; cut ends their contexts first. Both give up when ctx ends.
	stop(ctx context.Context) error
	cut(ctx context.Context) error
	// add starts a queue, remove stops one and waits for its jobs, or gives up when ctx ends.
	add(queue string, workers int) error
	remove(ctx context.Context, queue string) error
	pause(ctx context.Context, queue string) error
	resume(ctx context.Context, queue string) error
	// paused tells all queues that River knows, and which of them are paused.
	paused(ctx context.Context) (map[string]bool, error)
	pages(prefix string, log *slog.Logger) (*riverui.Handler, error)
}

// carrier is River on one kind of database. The client that inserts knows no queues and is there from the beginning: the
// ledger may enqueue before anything is worked, and in a process that works nothing.
type carrier[Tx any] struct {
	inserting, working *river.Client[Tx]
	// soon makes scheduled jobs available in the caller's transaction.
	soon func(ctx context.Context, tx Tx, ids []int64) error
}

func newCarrier[Tx any](
	driver riverdriver.Driver[Tx], w *worker, pollOnly bool, soon func(context.Context, Tx, []int64) error, log *slog.Logger,
) (*carrier[Tx], error) {
	quiet := slog.New(quietHandler{log.Handler()})
	inserting, err := river.NewClient(driver, &river.Config{
		FetchCooldown: notifyCooldown, MaxAttempts: math.MaxInt16, Logger: quiet,
	})
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	working, err := river.NewClient(driver, workingConfig(w, pollOnly, quiet))
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	return &carrier[Tx]{inserting, working, soon}, nil
}

// workingConfig leaves to River what it is good at. When to try again and when to stop trying is said by the delivery's
// policy: to River a job is snoozed, which never uses up its attempts. Jobs of dead processes are rescued by the keeper.
func workingConfig(w *worker, pollOnly bool, log *slog.Logger) *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	poll := listeningPoll
	if pollOnly {
		poll = pollingPoll
	}
	return &river.Config{
		Queues:                      map[string]river.QueueConfig{idleQueue: {MaxWorkers: 1, FetchPollInterval: time.Hour}},
		Workers:                     workers,
		JobTimeout:                  -1, // each attempt has its own
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           poll,
		PollOnly:                    pollOnly,
		MaxAttempts:                 math.MaxInt16,
		RetryPolicy:                 steady(afterPanic),
		ReindexerIndexNames:         usedIndexes(),
		CompletedJobRetentionPeriod: doneKept,
		CancelledJobRetentionPeriod: doneKept,
		DiscardedJobRetentionPeriod: doneKept,
		Logger:                      log,
	}
}

// usedIndexes are those that River rebuilds once a day.
func usedIndexes() []string {
	return slices.DeleteFunc(river.ReindexerIndexNamesDefault(), func(name string) bool {
		return slices.Contains(unusedIndexes(), name)
	})
}

// steady is a pause that is always the same.
type steady time.Duration

// NextRetry is River's question for the time of the next try.
func (s steady) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(time.Duration(s)) }

// enqueue makes jobs in the caller's transaction.
func (c *carrier[Tx]) enqueue(ctx context.Context, tx Tx, bundles []bundle) error {
	if len(bundles) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(bundles))
	timed := false
	for i, b := range bundles {
		params[i] = river.InsertManyParams{Args: b.job, InsertOpts: &river.InsertOpts{Queue: b.queue, ScheduledAt: b.at}}
		timed = timed || !b.at.IsZero()
	}
	if !timed {
		_, err := c.inserting.InsertManyFastTx(ctx, tx, params)
		return wrapEnqueue(bundles, err)
	}
	made, err := c.inserting.InsertManyTx(ctx, tx, params)
	if err != nil {
		return wrapEnqueue(bundles, err)
	}
	return wrapEnqueue(bundles, c.soon(ctx, tx, dueSoon(made, time.Now())))
}

func wrapEnqueue(bundles []bundle, err error) error {
	if err != nil {
		return fmt.Errorf("make %d jobs of deliveries: %w", len(bundles), err)
	}
	return nil
}

// schedulerInterval is how often River looks for jobs whose time has come. What is due before is made available at once, as
// River itself does with what it postpones for that short: fetching looks at the time too.
const schedulerInterval = 5 * time.Second

func dueSoon(made []*rivertype.JobInsertResult, now time.Time) (ids []int64) {
	for _, m := range made {
		if m.Job.State == rivertype.JobStateScheduled && m.Job.ScheduledAt.Sub(now) < schedulerInterval {
			ids = append(ids, m.Job.ID)
		}
	}
	return ids
}

func (c *carrier[Tx]) start(ctx context.Context) error { return c.working.Start(ctx) }
func (c *carrier[Tx]) stop(ctx context.Context) error  { return c.working.Stop(ctx) }
func (c *carrier[Tx]) cut(ctx context.Context) error   { return c.working.StopAndCancel(ctx) }

func (c *carrier[Tx]) add(queue string, workers int) error {
	return c.working.Queues().Add(queue, river.QueueConfig{MaxWorkers: workers})
}

func (c *carrier[Tx]) remove(ctx context.Context, queue string) error {
	err := c.working.Queues().Remove(ctx, queue)
	if gone := (*river.QueueNotFoundError)(nil); errors.As(err, &gone) {
		return nil
	}
	return err
}

func (c *carrier[Tx]) pause(ctx context.Context, queue string) error {
	return c.working.QueuePause(ctx, queue, nil)
}

func (c *carrier[Tx]) resume(ctx context.Context, queue string) error {
	return c.working.QueueResume(ctx, queue, nil)
}

func (c *carrier[Tx]) paused(ctx context.Context) (map[string]bool, error) {
	const mostQueues = 10_000
	list, err := c.working.QueueList(ctx, river.NewQueueListParams().First(mostQueues))
	if err != nil {
		return nil, err
	}
	paused := make(map[string]bool, len(list.Queues))
	for _, q := range list.Queues {
		if q.Name != idleQueue {
			paused[q.Name] = q.PausedAt != nil
		}
	}
	return paused, nil
}

func (c *carrier[Tx]) pages(prefix string, log *slog.Logger) (*riverui.Handler, error) {
	return riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(c.working, nil), Prefix: prefix, Logger: log,
	})
}

// quietHandler drops what River says about its normal work.
type quietHandler struct{ slog.Handler }

// Enabled lets warnings and errors pass.
func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the handler quiet.
func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the handler quiet.
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

// readOnly lets nobody act: River knows nothing of deliveries' states and of the audit log.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "These pages only show jobs. To retry, cancel, replay or pause use the dashboard, the command line or "+
				"/api/v1: they keep the states of deliveries and the audit log true.", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

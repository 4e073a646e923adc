package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Forwarder hands events on to destinations. It is safe for concurrent use. It can be started once.
type Forwarder struct {
	o      Options
	routes atomic.Pointer[routes]

	engine   engine
	postgres *carrier[pgx.Tx]  // nil with SQLite
	sqlite   *carrier[*sql.Tx] // nil with PostgreSQL
	jobs     jobs
	keeper   *keeper
	ask      *asker
	queues   *queues

	stopping chan struct{} // closed when a stop begins: whoever only waits gives his job back
	stopOnce sync.Once
	giveUp   context.CancelFunc // nobody waits for the store any more
	over     context.CancelFunc // the very end

	life        context.Context //nolint:containedctx // of everything that runs between Start and Stop
	background  sync.WaitGroup
	watching    sync.WaitGroup
	endWatch    context.CancelFunc
	lastFailure atomic.Int64 // unix seconds
}

// New puts a forwarder together. It reads and writes nothing yet, and can already make jobs.
func New(o Options) (*Forwarder, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	f := &Forwarder{o: o.withDefaults(), stopping: make(chan struct{})}
	f.routes.Store(&routes{})
	f.life, f.over = context.WithCancel(context.Background())
	given, giveUp := context.WithCancel(f.life)
	f.giveUp = giveUp
	f.jobs = sqliteJobs{o.Database.SQLite}
	if o.Database.Postgres != nil {
		f.jobs = postgresJobs{o.Database.Postgres}
	}
	f.keeper = newKeeper(f.jobs, o.Store, f.o.RescueAfter, o.Database.Postgres != nil, o.Log)
	f.ask = newAsker(given, o.Store, courtesy{busy: o.Busy, stopping: f.stopping}, o.Log)
	if err := f.connect(&worker{hand: f.handOn, keeper: f.keeper, jobs: f.jobs}); err != nil {
		return nil, err
	}
	f.queues = newQueues(f.engine, o.Log)
	return f, nil
}

// connect makes River's clients.
func (f *Forwarder) connect(w *worker) (err error) {
	if pool := f.o.Database.Postgres; pool != nil {
		f.postgres, err = newCarrier(riverpgxv5.New(pool), w, false, availablePostgres, f.o.Log)
		f.engine = f.postgres
		return err
	}
	f.sqlite, err = newCarrier(riversqlite.New(f.o.Database.SQLite), w, true, availableSQLite, f.o.Log)
	f.engine = f.sqlite
	return err
}

// Start begins to work the queues of all destinations. ctx bounds the start only.
func (f *Forwarder) Start(ctx context.Context) error {
	if f.sqlite != nil {
		if err := f.keeper.takeAll(ctx); err != nil {
			return fmt.Errorf("start forwarding: %w", err)
		}
	}
	if err := f.engine.start(f.life); err != nil {
		return fmt.Errorf("start forwarding: %w", err)
	}
	f.background.Go(func() { f.keeper.run(f.life) })
	watch, endWatch := context.WithCancel(f.life)
	f.endWatch = endWatch
	f.watching.Go(func() { f.queues.run(watch) })
	f.watching.Go(func() { f.watch(watch) })
	return nil
}

// Stop fetches no more jobs, lets attempts under way end and their results be stored, and returns when all that is done.
// When ctx has a deadline, attempts that still run after three quarters of the time are cut off; they count as attempts
// and are made again. What can't even be stored before ctx ends is taken up by another process. Nothing is lost.
func (f *Forwarder) Stop(ctx context.Context) error {
	err := errors.New("forward: it was stopped before")
	f.stopOnce.Do(func() { err = f.stop(ctx) })
	return err
}

func (f *Forwarder) stop(ctx context.Context) error {
	defer f.over()
	close(f.stopping)
	if f.endWatch == nil { // it was never started
		f.giveUp()
		return nil
	}
	f.endWatch()
	f.watching.Wait()

	soft, cancelSoft := share(ctx, 3, 4)
	defer cancelSoft()
	err := f.engine.stop(soft)
	if err != nil {
		err = f.hardStop(ctx)
	}
	f.giveUp()
	f.over()
	f.background.Wait()
	f.routes.Load().release(&routes{})
	return err
}

// hardStop cuts off attempts and, near the end, stops waiting for the store.
func (f *Forwarder) hardStop(ctx context.Context) error {
	f.o.Log.Warn("attempts under way are cut off: they take longer than the gateway may take to stop")
	last, cancel := share(ctx, 1, 2)
	defer cancel()
	if f.engine.cut(last) == nil {
		return nil
	}
	f.giveUp()
	if err := f.engine.stop(ctx); err != nil {
		return fmt.Errorf("stop forwarding: %w", err)
	}
	return nil
}

// share is ctx with a part of its time; without a deadline it is ctx.
func share(ctx context.Context, part, of int64) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*time.Duration(part)/time.Duration(of))
}

package forward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// SetDestinations replaces all destinations, before the start or at run time. It does not wait: attempts under way end as
// they began. Jobs of a destination that is no longer there wait until it is back.
func (f *Forwarder) SetDestinations(destinations []*delivery.Destination) error {
	old := f.routes.Load()
	made, err := newRoutes(destinations, old, "dedupgate/"+f.o.Version, f.newBreaker)
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	f.routes.Store(made)
	old.release(made)
	workers := make(map[string]int, len(made.byName))
	for name, r := range made.byName {
		workers[name] = r.workers()
	}
	f.queues.set(workers)
	return nil
}

func (f *Forwarder) newBreaker(name string) *breaker {
	f.o.Observer.BreakerChanged(name, BreakerClosed)
	return newBreaker(f.o.Breaker, func(s BreakerState) {
		f.o.Observer.BreakerChanged(name, s)
		f.o.Log.Warn("breaker of a destination", "destination", name, "state", string(s))
	})
}

// DestinationState is how a destination is doing, as seen from this process.
type DestinationState struct {
	Name       string
	Configured bool // false: it was removed, and its jobs wait for it
	Paused     bool // in all processes, kept in the database
	Breaker    BreakerState
	Waiting    int           // deliveries in jobs that are not done
	Oldest     time.Duration // age of the oldest such job
}

// Condition is what can hold up every delivery to a configured destination.
type Condition struct {
	Paused  bool // in all processes
	Ordered bool
	Breaker BreakerState // of this process
}

// Conditions tells of the configured destinations, by name. It counts nothing.
func (f *Forwarder) Conditions(ctx context.Context) (map[string]Condition, error) {
	paused, err := f.paused(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]Condition{}
	for name, r := range f.routes.Load().byName {
		all[name] = Condition{Paused: paused[name], Ordered: r.Ordered, Breaker: r.breaker.state()}
	}
	return all, nil
}

// Destinations tells of all configured destinations, and of those that are not but have jobs, by name.
func (f *Forwarder) Destinations(ctx context.Context) ([]DestinationState, error) {
	paused, err := f.paused(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := f.jobs.waiting(ctx)
	if err != nil {
		return nil, err
	}
	now := f.routes.Load()
	names := slices.Clone(now.names)
	for name := range waiting {
		if now.byName[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	states := make([]DestinationState, len(names))
	for i, name := range names {
		states[i] = DestinationState{
			Name: name, Paused: paused[name], Breaker: BreakerClosed, Waiting: waiting[name].deliveries, Oldest: waiting[name].oldest,
		}
		if r := now.byName[name]; r != nil {
			states[i].Configured, states[i].Breaker = true, r.breaker.state()
		}
	}
	return states, nil
}

// Pause stops attempts to a destination in all processes until Resume; those under way end. When it returns no attempt
// begins any more: the store says so to each. That the queue sleeps as well only saves looking at its jobs.
func (f *Forwarder) Pause(ctx context.Context, destination string) error {
	return f.setPaused(ctx, destination, true)
}

// Resume ends a pause.
func (f *Forwarder) Resume(ctx context.Context, destination string) error {
	return f.setPaused(ctx, destination, false)
}

func (f *Forwarder) setPaused(ctx context.Context, destination string, paused bool) error {
	if err := f.o.Store.SetPaused(ctx, destination, paused); err != nil {
		return fmt.Errorf("pause of destination %q: %w", destination, err)
	}
	if err := f.alignPauses(ctx); err != nil {
		f.o.Log.Warn("a queue does not follow its pause yet, it is tried again", "destination", destination, "error", err)
	}
	return nil
}

// paused are the destinations that are paused.
func (f *Forwarder) paused(ctx context.Context) (map[string]bool, error) {
	names, err := f.o.Store.Paused(ctx)
	if err != nil {
		return nil, fmt.Errorf("list pauses: %w", err)
	}
	paused := make(map[string]bool, len(names))
	for _, name := range names {
		paused[name] = true
	}
	return paused, nil
}

// alignPauses lets River's queues sleep while their destinations are paused, and wakes the others.
func (f *Forwarder) alignPauses(ctx context.Context) error {
	paused, err := f.paused(ctx)
	if err != nil {
		return err
	}
	queues, err := f.engine.paused(ctx)
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	for name, sleeps := range queues {
		switch {
		case paused[name] && !sleeps:
			err = errors.Join(err, f.engine.pause(ctx, name))
		case !paused[name] && sleeps:
			err = errors.Join(err, f.engine.resume(ctx, name))
		}
	}
	return err
}

// watch tells the operator, once, of jobs that nobody works, and keeps the queues in line with the pauses.
func (f *Forwarder) watch(ctx context.Context) {
	told := map[string]bool{}
	for {
		f.watchOnce(ctx, told)
		if !wait(ctx, f.o.WatchEvery) {
			return
		}
	}
}

func (f *Forwarder) watchOnce(parent context.Context, told map[string]bool) {
	ctx, cancel := context.WithTimeout(parent, askTimeout)
	defer cancel()
	waiting, err := f.jobs.waiting(ctx)
	if err != nil {
		f.storeFailed(ctx, "count", err)
		return
	}
	if err = f.alignPauses(ctx); err != nil {
		f.storeFailed(ctx, "pauses", err)
	}
	now := f.routes.Load()
	for _, name := range now.names {
		delete(told, name)
	}
	for name, b := range waiting {
		if now.byName[name] != nil || told[name] {
			continue
		}
		told[name] = true
		f.o.Log.Warn("deliveries wait for a destination that is not configured: put it back, or cancel them",
			"destination", name, "deliveries", b.deliveries)
	}
}

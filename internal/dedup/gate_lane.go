package dedup

import (
	"context"
	"sync"
	"time"
)

// laneSlots is the number of lanes that may hold a database connection at once, so that many locked runs can't take the
// whole pool away from the runs that nobody locks.
const laneSlots = 4

// laneKey names what a request may have to wait for: its run's row, or its event's when it has no run.
type laneKey struct {
	source string
	kind   Kind
	id     string
}

func laneOf(p *pending) laneKey {
	if r := p.entry.Run; r.ID != "" {
		return laneKey{p.entry.Key.Source, r.Kind, r.ID}
	}
	return laneKey{source: p.entry.Key.Source, id: p.entry.Key.Event}
}

// lanes keep requests of locked runs away from everybody else's transactions.
type lanes struct {
	mu    sync.Mutex
	open  map[laneKey]*lane
	slots chan struct{}
}

// lane is the queue of one locked run, served by one goroutine that ends when it is empty.
type lane struct {
	waiting []*pending
}

// divert moves the requests of open lanes there and returns the others.
func (l *lanes) divert(batch []*pending) []*pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 {
		return batch
	}
	rest := batch[:0]
	for _, p := range batch {
		if ln := l.open[laneOf(p)]; ln != nil {
			ln.waiting = append(ln.waiting, p)
		} else {
			rest = append(rest, p)
		}
	}
	return rest
}

// take adds what waits in the lane to the batch; a lane that leaves the batch empty is closed.
func (l *lanes) take(key laneKey, batch []*pending) []*pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.open[key]
	batch = append(batch, ln.waiting...)
	ln.waiting = nil
	if len(batch) == 0 {
		delete(l.open, key)
	}
	return batch
}

// isolate gives every run of a contended batch a lane of its own: those that nobody locks pass at once, the locked one
// waits alone.
func (g *Gate) isolate(batch []*pending) {
	g.lanes.mu.Lock()
	defer g.lanes.mu.Unlock()
	for _, p := range batch {
		key := laneOf(p)
		ln := g.lanes.open[key]
		if ln == nil {
			ln = &lane{}
			g.lanes.open[key] = ln
			g.committing.Go(func() { g.laneWorker(key) })
		}
		ln.waiting = append(ln.waiting, p)
	}
}

// laneWorker records one run's requests until none wait. Those still locked out at their deadline are answered 503.
func (g *Gate) laneWorker(key laneKey) {
	var batch []*pending
	for wait := firstRetryWait; ; {
		if batch = g.lanes.take(key, batch); len(batch) == 0 {
			return
		}
		if batch = g.expire(batch, ErrContended); len(batch) == 0 {
			continue
		}
		part := batch[:min(len(batch), g.opts.BatchRequests)]
		if !g.lanes.enter(part) {
			continue // somebody's time is up
		}
		if g.commitLane(part) {
			batch = append(batch[:0:0], batch[len(part):]...)
			continue
		}
		// The ledger has waited for the lock already; this only keeps deadlocks from spinning.
		sleep(context.Background(), wait)
		wait = min(2*wait, maxRetryWait)
	}
}

// enter takes a slot and reports whether there was one before the first of the batch's deadlines.
func (l *lanes) enter(batch []*pending) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	first := batch[0].deadline
	for _, p := range batch[1:] {
		if p.deadline.Before(first) {
			first = p.deadline
		}
	}
	timer := time.NewTimer(time.Until(first))
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return true
	case <-timer.C:
		return false
	}
}

// commitLane records a batch of one run, gives the slot back and reports whether the requests are answered; if not, the
// run is still locked.
func (g *Gate) commitLane(batch []*pending) bool {
	verdicts, inc, err := g.record(batch)
	<-g.lanes.slots
	return g.conclude(batch, verdicts, inc, err)
}

package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Plan is one run of the load generator. Requests or Duration must bound it; where both do, the first to be reached ends
// it. A request that was sent is always waited for.
type Plan struct {
	Target      Target
	Body        []byte
	Connections int
	Pick        Pick
	Requests    uint64        // 0: no bound
	Duration    time.Duration // 0: no bound
	Rate        float64       // requests a second that are due; 0: as many as get answered
}

// patience is how long a run may outlast its duration before connections are given up.
const patience = 30 * time.Second

// maxFailures ends a connection's part in a run: a server that is gone shall not be hammered.
const maxFailures = 20

func (p *Plan) validate() error {
	switch {
	case p.Connections <= 0:
		return errors.New("load: at least one connection is needed")
	case p.Pick == nil:
		return errors.New("load: nothing picks the events")
	case p.Requests == 0 && p.Duration == 0:
		return errors.New("load: give a number of requests or a duration")
	case p.Rate < 0:
		return errors.New("load: the rate can't be negative")
	}
	return nil
}

// run is what the connections of one Run share.
type run struct {
	plan  Plan
	start time.Time
	next  atomic.Uint64 // number of the next request
}

// Run opens the connections, then sends until the plan's bound is reached or ctx ends, and returns what came back. An
// error means that no connection could be opened, or that ctx ended; failures of single requests are in the result.
func Run(ctx context.Context, plan Plan) (*Result, error) {
	if err := plan.validate(); err != nil {
		return nil, err
	}
	until := time.Time{}
	if plan.Duration > 0 {
		until = time.Now().Add(plan.Duration + patience)
	}
	clients := make([]*client, plan.Connections)
	for i := range clients {
		clients[i] = &client{addr: plan.Target.Addr, until: until}
		defer clients[i].close()
		if err := clients[i].connect(ctx); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	results := make([]Result, plan.Connections)
	r := &run{plan: plan, start: time.Now()}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { r.send(ctx, c, &results[i]) })
	}
	wg.Wait()
	total := &Result{}
	for i := range results {
		total.add(&results[i])
	}
	return total, ctx.Err()
}

// send is one connection's part.
func (r *run) send(ctx context.Context, c *client, res *Result) {
	defer func() { res.Elapsed = time.Since(r.start) }()
	req := newRequest(r.plan.Target, r.plan.Body)
	for {
		n, due, ok := r.turn(ctx)
		if !ok {
			return
		}
		req.tell(r.plan.Pick(n))
		a, err := c.exchange(req.bytes)
		if err == nil {
			res.count(a, time.Since(due))
			continue
		}
		res.Failed++
		res.LastFailure = err
		if ctx.Err() != nil || res.Failed >= maxFailures || c.connect(ctx) != nil {
			return
		}
	}
}

// turn gives the number of the next request and the time from which its latency counts, after waiting for that time.
func (r *run) turn(ctx context.Context) (n uint64, due time.Time, ok bool) {
	if ctx.Err() != nil {
		return 0, time.Time{}, false
	}
	due = time.Now()
	if r.plan.Rate == 0 && r.over(due) {
		return 0, time.Time{}, false // before a number is taken: no number below the last one may stay unsent
	}
	n = r.next.Add(1) - 1
	if r.plan.Requests > 0 && n >= r.plan.Requests {
		return 0, time.Time{}, false
	}
	if r.plan.Rate == 0 {
		return n, due, true
	}
	due = r.start.Add(time.Duration(float64(n) / r.plan.Rate * float64(time.Second)))
	if r.over(due) {
		return 0, time.Time{}, false
	}
	return n, due, wait(ctx, time.Until(due))
}

func (r *run) over(t time.Time) bool {
	return r.plan.Duration > 0 && t.Sub(r.start) >= r.plan.Duration
}

// wait reports whether ctx still lives after d.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

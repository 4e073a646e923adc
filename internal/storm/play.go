package storm

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// played is a run on the stage. Its fields but the script belong to the books.
type played struct {
	*script
	number int
	told   []told // by event
	open   int    // sendings that the run still waits for; at 0 it leaves the stage
}

// player sends what the scripts say and writes down what comes back.
type player struct {
	*Options
	planner  planner
	sender   *sender
	schedule *schedule
	books    *books
	stage    chan struct{} // a place for every run under way
	fatal    context.CancelCauseFunc
}

// runsPerSlot is how many runs are on the stage for each volley under way, so that there is something to send while others
// wait for their next attempt.
const runsPerSlot = 4

// play sends all runs, or those that fit in before the time is up or Stop is closed. It fails when the gateway refuses the
// storm as such.
func (p *player) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.MaxTime)
	defer cancel()
	ctx, fatal := context.WithCancelCause(ctx)
	defer fatal(nil)
	p.fatal = fatal

	var work sync.WaitGroup
	work.Go(func() { p.schedule.run(ctx) })
	for range p.Concurrency {
		work.Go(func() {
			for v, ok := p.schedule.next(ctx); ok; v, ok = p.schedule.next(ctx) {
				p.send(ctx, v)
			}
		})
	}
	work.Go(func() {
		select {
		case <-p.Stop:
			fatal(errStopped)
		case <-ctx.Done():
		}
	})
	p.openAll(ctx)
	fatal(errOver)
	work.Wait()
	switch err := context.Cause(ctx); {
	case errors.Is(err, errOver), errors.Is(err, errStopped):
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		p.books.outOfTime(p.Runs, p.MaxTime)
		return nil
	default:
		return err
	}
}

// Why a sending ended.
var (
	errOver    = errors.New("all is sent")
	errStopped = errors.New("stopped")
)

// openAll brings every run on the stage and waits until all have left it.
func (p *player) openAll(ctx context.Context) {
	var pace <-chan time.Time
	if p.Rate > 0 {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / p.Rate))
		defer ticker.Stop()
		pace = ticker.C
	}
	for n := range p.Runs {
		if pace != nil {
			select {
			case <-pace:
			case <-ctx.Done():
				return
			}
		}
		select {
		case p.stage <- struct{}{}:
		case <-ctx.Done():
			return
		}
		run := p.books.open(n, p.planner.script(n))
		p.schedule.add(ctx, p.opening(run, 0))
	}
	for range cap(p.stage) {
		select {
		case p.stage <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// opening is the first volley of the event at a place of the run's sequence.
func (p *player) opening(run *played, place int) volley {
	e := run.sequence[place]
	v := volley{due: time.Now(), run: run, event: e, attempt: 1, opening: true}
	for w := range run.events[e].dispatches {
		v.webhooks = append(v.webhooks, w)
	}
	return v
}

// send makes the attempts of a volley, at the same instant where the script says so, and schedules what follows.
func (p *player) send(ctx context.Context, v volley) {
	if len(v.webhooks) > 1 && v.run.events[v.event].together {
		p.sendTogether(ctx, v)
	} else {
		for _, w := range v.webhooks {
			p.attempt(ctx, v, w)
		}
	}
	if v.opening && ctx.Err() == nil {
		p.openNext(ctx, v)
	}
}

func (p *player) sendTogether(ctx context.Context, v volley) {
	var (
		start = make(chan struct{})
		group sync.WaitGroup
	)
	for _, w := range v.webhooks {
		group.Go(func() {
			<-start
			p.attempt(ctx, v, w)
		})
	}
	close(start)
	group.Wait()
}

func (p *player) openNext(ctx context.Context, v volley) {
	for place, e := range v.run.sequence {
		if e == v.event && place+1 < len(v.run.sequence) {
			p.schedule.add(ctx, p.opening(v.run, place+1))
		}
	}
}

// attempt sends one dispatch once and schedules its next attempt or its repeats.
func (p *player) attempt(ctx context.Context, v volley, w int) {
	body := v.run.body(v.event, w, p.BodySize)
	p.books.sending(v.run, v.event, v)
	r := p.sender.attempt(ctx, v.run.events[v.event].dispatches[w], body)
	if r.err != nil && ctx.Err() != nil {
		return // cut off by the storm's own end: counted as sent without an answer
	}
	if err := p.books.answered(v.run, v.event, v, r); err != nil {
		p.fatal(err)
		return
	}
	v.webhooks, v.opening = []int{w}, false
	switch {
	case v.repeat:
		p.leave(v.run, 1)
	case r.delivered():
		repeats := v.run.events[v.event].repeats[w]
		p.leave(v.run, 1-repeats)
		v.repeat = true
		for range repeats {
			v.due = time.Now().Add(rand.N(200 * time.Millisecond))
			p.schedule.add(ctx, v)
		}
	case v.attempt == maxAttempts:
		p.books.gaveUp(v.run, v.event, w, r)
		p.leave(v.run, 1)
	default:
		v.due = time.Now().Add(retryWait(v.attempt, p.Speed))
		v.attempt++
		p.schedule.add(ctx, v)
	}
}

// leave counts n dispatches of a run as settled; the run leaves the stage with its last.
func (p *player) leave(run *played, n int) {
	if p.books.settle(run, n) {
		<-p.stage
	}
}

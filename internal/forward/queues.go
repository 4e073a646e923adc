package forward

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// drainPatience is how long the change of a queue waits for its attempts under way before other changes get their turn.
const drainPatience = time.Second

// queues brings River's queues in line with the destinations. River can add a queue and remove one while it runs, and
// waits for the queue's jobs when removing; it can't resize one: that is a removal and an addition.
type queues struct {
	engine engine
	log    *slog.Logger
	poke   chan struct{} // room for one

	mu   sync.Mutex
	want map[string]int // workers by queue

	have map[string]int // of the loop alone
}

func newQueues(e engine, log *slog.Logger) *queues {
	return &queues{engine: e, log: log, poke: make(chan struct{}, 1), want: map[string]int{}, have: map[string]int{}}
}

// set says what to have from now on; it does not wait for it.
func (q *queues) set(want map[string]int) {
	q.mu.Lock()
	q.want = want
	q.mu.Unlock()
	select {
	case q.poke <- struct{}{}:
	default:
	}
}

func (q *queues) wanted() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.want
}

// run makes changes until ctx ends. What fails is tried again.
func (q *queues) run(ctx context.Context) {
	const pause = time.Second
	for {
		if !q.align(ctx) {
			if !wait(ctx, pause) {
				return
			}
			continue
		}
		select {
		case <-q.poke:
		case <-ctx.Done():
			return
		}
	}
}

// align makes one round of changes, new queues first, and reports whether all is as wanted.
func (q *queues) align(ctx context.Context) (done bool) {
	want, done := q.wanted(), true
	for name, workers := range want {
		if _, there := q.have[name]; !there {
			done = q.add(name, workers) && done
		}
	}
	for name, workers := range q.have {
		if want[name] == workers {
			continue
		}
		if !q.remove(ctx, name) {
			done = false
			continue
		}
		if want[name] > 0 {
			done = q.add(name, want[name]) && done
		}
	}
	return done
}

func (q *queues) add(name string, workers int) bool {
	if err := q.engine.add(name, workers); err != nil {
		q.log.Error("the queue of a destination can't be started, it is tried again", "destination", name, "error", err)
		// River may hold it without working it: a removal makes room for the next try.
		q.have[name] = 0
		return false
	}
	q.have[name] = workers
	return true
}

func (q *queues) remove(parent context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(parent, drainPatience)
	defer cancel()
	if err := q.engine.remove(ctx, name); err != nil {
		q.have[name] = -1 // it works no longer, whatever is wanted
		return false
	}
	delete(q.have, name)
	return true
}

package dedup

import (
	"sync"
	"sync/atomic"
	"time"
)

// gatherPatience is how long a worker gathers at most, should the batch under way be stuck. What is there already is gathered
// in no time: it counts from when the worker first has to wait.
const gatherPatience = 25 * time.Millisecond

// queue hands out what waits in batches, to several workers. While a batch is under way another one starts only when it is
// full: what waits meanwhile makes one large batch instead of several small ones, whose work would hardly be less each. A
// timer keeps a stuck batch from holding up the others.
//
// The worker that gathers sleeps until there is something to do: who puts a request in wakes it only when that fills its
// batch, since waking it for every single one is what a request would pay most for here.
type queue struct {
	in    chan *pending // holds everything that the gate admits: sending never blocks
	turn  sync.Mutex    // held by the one worker that gathers
	full  chan struct{} // told when as many wait as the gathering worker misses
	ended chan struct{} // told when a batch has ended, so that the gathering worker looks again

	missing atomic.Int64 // by the gathering worker while it sleeps; 0 when it does not
	stuck   *time.Timer  // gatherPatience of the gathering worker
	timed   bool         // whether stuck runs
	late    bool         // whether its time is up

	underWay atomic.Int64 // requests in batches that were handed out and have not ended
}

func newQueue(size int) *queue {
	q := &queue{
		in: make(chan *pending, size), full: make(chan struct{}, 1), ended: make(chan struct{}, 1), stuck: time.NewTimer(gatherPatience),
	}
	q.stuck.Stop()
	return q
}

// put adds a request.
func (q *queue) put(p *pending) {
	q.in <- p
	if missing := q.missing.Load(); missing > 0 && int64(len(q.in)) >= missing {
		tell(q.full)
	}
}

// tell makes somebody look who looks at everything: one who was told already need not be told again.
func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take waits for a batch and adds it to batch, within the bounds; most is asked with each request. Nothing is added when the
// queue is closed and empty. Call done with what was taken when it has ended.
func (q *queue) take(batch []*pending, most func() int, maxBytes int64) []*pending {
	q.turn.Lock()
	defer q.turn.Unlock()
	p, open := <-q.in
	var bytes int64
	for open {
		batch = append(batch, p)
		bytes += int64(len(p.entry.Body))
		missing := most() - len(batch)
		if missing <= 0 || bytes >= maxBytes {
			break
		}
		if p, open = q.next(missing); p == nil {
			break
		}
	}
	q.stopWatch()
	q.underWay.Add(int64(len(batch)))
	return batch
}

// next gives one more request for a batch that misses some, or nil when the batch shall start. open is false when the queue
// is closed.
func (q *queue) next(missing int) (p *pending, open bool) {
	for {
		select {
		case p, open = <-q.in:
			return p, open
		default:
		}
		if q.late || q.underWay.Load() == 0 {
			return nil, true
		}
		q.sleep(missing)
	}
}

// sleep waits for a reason to look again. The queue is not closed meanwhile: what the worker has gathered is in the gate.
func (q *queue) sleep(missing int) {
	q.startWatch()
	q.missing.Store(int64(missing))
	defer q.missing.Store(0)
	if len(q.in) >= missing { // put before it could know
		return
	}
	select {
	case <-q.full:
	case <-q.ended:
	case <-q.stuck.C:
		q.late = true
	}
}

// startWatch starts the timer, unless it runs. Most batches never wait, and need none.
func (q *queue) startWatch() {
	if !q.timed {
		q.timed = true
		q.stuck.Reset(gatherPatience)
	}
}

func (q *queue) stopWatch() {
	if q.timed {
		q.timed, q.late = false, false
		q.stuck.Stop()
	}
}

// done says that a batch of n requests has ended.
func (q *queue) done(n int) {
	q.underWay.Add(int64(-n))
	tell(q.ended)
}

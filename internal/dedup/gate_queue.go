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
type queue struct {
	in    chan *pending // holds everything that the gate admits: sending never blocks
	turn  sync.Mutex    // held by the one worker that gathers
	ended chan struct{} // told when a batch has ended, so that the gathering worker looks again

	stuck *time.Timer // gatherPatience of the gathering worker
	timed bool        // whether stuck runs

	underWay atomic.Int64 // requests in batches that were handed out and have not ended
}

func newQueue(size int) *queue {
	q := &queue{in: make(chan *pending, size), ended: make(chan struct{}, 1), stuck: time.NewTimer(gatherPatience)}
	q.stuck.Stop()
	return q
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
		if len(batch) >= most() || bytes >= maxBytes {
			break
		}
		if p, open = q.next(); p == nil {
			break
		}
	}
	q.stopWatch()
	q.underWay.Add(int64(len(batch)))
	return batch
}

// next gives one more request for a batch, or nil when the batch shall start. open is false when the queue is
// closed.
func (q *queue) next() (p *pending, open bool) {
	for {
		select {
		case p, open = <-q.in:
			return p, open
		default:
		}
		if q.underWay.Load() == 0 {
			return nil, true
		}
		q.startWatch()
		select {
		case p, open = <-q.in:
			return p, open
		case <-q.ended:
		case <-q.stuck.C:
			return nil, true
		}
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
		q.timed = false
		q.stuck.Stop()
	}
}

// done says that a batch of n requests has ended.
func (q *queue) done(n int) {
	q.underWay.Add(int64(-n))
	select {
	case q.ended <- struct{}{}:
	default: // the gathering worker has not looked yet
	}
}

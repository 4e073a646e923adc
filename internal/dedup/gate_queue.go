package dedup

import (
	"sync"
	"time"
)

// gatherPatience is how long a worker gathers at most, should the batch under way be stuck.
const gatherPatience = 25 * time.Millisecond

// queue hands out what waits in batches, to several workers. While a batch is under way another one starts only when it is
// full: what waits meanwhile makes one large batch instead of several small ones, whose work would hardly be less each. A
// timer keeps a stuck batch from holding up the others.
type queue struct {
	in    chan *pending // holds everything that the gate admits: sending never blocks
	turn  sync.Mutex    // held by the one worker that gathers
	ended chan struct{} // told when a batch has ended, so that the gathering worker looks again

	mu       sync.Mutex
	underWay int // requests in batches that were handed out and have not ended
}

func newQueue(size int) *queue {
	return &queue{in: make(chan *pending, size), ended: make(chan struct{}, 1)}
}

// take waits for a batch and adds it to batch, within the bounds; most is asked with each request. Nothing is added when the
// queue is closed and empty. Call done with what was taken when it has ended.
func (q *queue) take(batch []*pending, most func() int, maxBytes int64) []*pending {
	q.turn.Lock()
	defer q.turn.Unlock()
	p, open := <-q.in
	var bytes int64
	stuck := time.NewTimer(gatherPatience)
	defer stuck.Stop()
	for open {
		batch = append(batch, p)
		bytes += int64(len(p.entry.Body))
		if len(batch) >= most() || bytes >= maxBytes {
			break
		}
		if p, open = q.next(stuck.C); p == nil {
			break
		}
	}
	q.add(len(batch))
	return batch
}

// next gives one more request for a batch, or nil when the batch shall start. open is false when the queue is
// closed.
func (q *queue) next(stuck <-chan time.Time) (p *pending, open bool) {
	for {
		select {
		case p, open = <-q.in:
			return p, open
		default:
		}
		if q.add(0) == 0 {
			return nil, true
		}
		select {
		case p, open = <-q.in:
			return p, open
		case <-q.ended:
		case <-stuck:
			return nil, true
		}
	}
}

// done says that a batch of n requests has ended.
func (q *queue) done(n int) {
	q.add(-n)
	select {
	case q.ended <- struct{}{}:
	default: // the gathering worker has not looked yet
	}
}

// add changes the number of requests under way and returns it.
func (q *queue) add(n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underWay += n
	return q.underWay
}

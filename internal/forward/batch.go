package forward

import (
	"context"
	"sync"
)

// batcher lets calls that wait at the same moment share one. There is no timer: the first call goes out at once, and what
// comes while lanes calls are under way goes together with the next one. It is safe for concurrent use.
type batcher[In, Out any] struct {
	// run serves a batch. It answers each element exactly once, by its index, as soon as that one is known.
	run func(batch []In, answer func(i int, out Out, err error))
	// lanes bounds the calls under way, most the size of one.
	lanes, most int

	mu       sync.Mutex
	waiting  []waiter[In, Out]
	underWay int
}

type waiter[In, Out any] struct {
	in     In
	answer chan<- outcome[Out] // room for one
}

type outcome[Out any] struct {
	out Out
	err error
}

// do waits for its share of a call, or until ctx ends: then the call may have been made or not.
func (b *batcher[In, Out]) do(ctx context.Context, in In) (Out, error) {
	answer := make(chan outcome[Out], 1)
	b.mu.Lock()
	b.waiting = append(b.waiting, waiter[In, Out]{in, answer})
	if b.underWay < b.lanes {
		b.underWay++
		go b.work()
	}
	b.mu.Unlock()
	select {
	case o := <-answer:
		return o.out, o.err
	case <-ctx.Done():
		var none Out
		return none, context.Cause(ctx)
	}
}

// work runs batches until nobody waits.
func (b *batcher[In, Out]) work() {
	for {
		batch := b.take()
		if len(batch) == 0 {
			return
		}
		in := make([]In, len(batch))
		for i := range batch {
			in[i] = batch[i].in
		}
		b.run(in, func(i int, out Out, err error) { batch[i].answer <- outcome[Out]{out, err} })
	}
}

func (b *batcher[In, Out]) take() []waiter[In, Out] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), b.most)
	if n == 0 {
		b.underWay--
		b.waiting = nil
		return nil
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return batch
}

package bodies

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

const (
	// mostHeld and mostBytes bound what waits and what is being written. A body that is longer than all goes alone.
	mostHeld  = 256
	mostBytes = 16 << 20
	// batchBytes bounds one statement, which holds up others who write where there is one connection only.
	batchBytes = 4 << 20
	// patience bounds the writing of a batch.
	patience = 10 * time.Second
	// While senders wait, the keeper rests this many times as long as it has worked, but no longer than mostRest.
	restForWork = 10
	mostRest    = time.Second
)

// Store keeps bodies that differ from their event's own, as many of an event as it is set to. It tells how many it kept.
type Store interface {
	KeepOtherBodies(ctx context.Context, offered []dedup.OtherBody) (kept int, err error)
}

// Result is what became of a body that was offered.
type Result string

// The results.
const (
	Kept    Result = "kept"
	Passed  Result = "passed"  // it does not differ, was offered before, or its event has as many as are kept
	Dropped Result = "dropped" // too much was waiting
	Lost    Result = "lost"    // the database did not take it
)

// Results lists them.
func Results() []Result { return []Result{Kept, Passed, Dropped, Lost} }

// Meter counts bodies by what became of them. It does not block and is called concurrently.
type Meter interface {
	OtherBodies(r Result, n int)
}

// Options of a [Keeper]. All but Busy are required.
type Options struct {
	Store Store
	// Wanted reports that any are kept at all. It is asked each time, so that a reload takes effect.
	Wanted func() bool
	Meter  Meter
	// Busy reports that senders wait for the database; nil: never.
	Busy func() bool
	Log  *slog.Logger
}

func (o *Options) validate() error {
	if o.Store == nil || o.Wanted == nil || o.Meter == nil || o.Log == nil {
		return errors.New("bodies: a keeper needs a store, whether any are wanted, a meter and a log")
	}
	if o.Busy == nil {
		o.Busy = func() bool { return false }
	}
	return nil
}

// Keeper takes bodies and writes them in the background. It is safe for concurrent use.
type Keeper struct {
	opts Options
	seed maphash.Seed

	mu      sync.Mutex // guards what follows
	waiting []dedup.OtherBody
	held    int   // waiting or being written
	bytes   int64 // of these
	offered marks
	closed  bool

	wake    chan struct{} // one token at most; closed with the keeper
	closing chan struct{}
	done    chan struct{}
	stop    context.CancelFunc
}

// NewKeeper starts to keep. Close it to stop.
func NewKeeper(opts Options) (*Keeper, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &Keeper{
		opts: opts, seed: maphash.MakeSeed(), offered: newMarks(),
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}), stop: stop,
	}
	go k.work(ctx)
	return k, nil
}

// Offer takes the body of a repeat of an event. It does not block. The inbound must not be changed any more.
func (k *Keeper) Offer(event dedup.ID, in *dedup.Inbound) {
	if !k.opts.Wanted() {
		return
	}
	instead, waits := k.take(dedup.OtherBody{
		EventID: event, ReceiptID: in.ReceiptID, ReceivedAt: in.ReceivedAt,
		DispatchID: in.DispatchID, ContentType: in.ContentType, Body: in.Body,
	})
	if !waits {
		k.opts.Meter.OtherBodies(instead, 1)
	}
}

// take has a body wait to be written, or says what became of it instead.
func (k *Keeper) take(o dedup.OtherBody) (instead Result, waits bool) {
	m := k.markOf(&o)
	size := int64(len(o.Body))
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.offered.has(m):
		return Passed, false
	case k.closed, k.held >= mostHeld, k.held > 0 && k.bytes+size > mostBytes:
		return Dropped, false
	}
	k.offered.add(m)
	k.waiting = append(k.waiting, o)
	k.held++
	k.bytes += size
	select {
	case k.wake <- struct{}{}:
	default: // a token is there already
	}
	return "", true
}

// Close keeps what waits and stops. When ctx ends first, the rest is lost and ctx's error returned. Close may be called again.
func (k *Keeper) Close(ctx context.Context) error {
	k.mu.Lock()
	if !k.closed {
		k.closed = true
		close(k.wake)
		close(k.closing)
	}
	k.mu.Unlock()
	defer k.stop()
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		k.stop()
		<-k.done // what is left fails at once
		return ctx.Err()
	}
}

// work writes what waits until the keeper is closed and nothing does.
func (k *Keeper) work(ctx context.Context) {
	defer close(k.done)
	failing := false
	for range k.wake {
		for batch := k.next(); len(batch) > 0; batch = k.next() {
			start := time.Now()
			err := k.keep(ctx, batch)
			if err != nil && !failing {
				k.opts.Log.Warn("bodies of repeats are not kept; receipts and events are", "error", err)
			}
			failing = err != nil
			if k.opts.Busy() {
				k.rest(min(restForWork*time.Since(start), mostRest))
			}
		}
	}
}

// rest waits, unless the keeper is being closed.
func (k *Keeper) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-k.closing:
	}
}

// next takes the first of what waits, as much as one statement should carry.
func (k *Keeper) next() []dedup.OtherBody {
	k.mu.Lock()
	defer k.mu.Unlock()
	n, size := 0, 0
	for n < len(k.waiting) && (n == 0 || size+len(k.waiting[n].Body) <= batchBytes) {
		size += len(k.waiting[n].Body)
		n++
	}
	batch := slices.Clone(k.waiting[:n])
	k.waiting = slices.Delete(k.waiting, 0, n)
	return batch
}

func (k *Keeper) keep(ctx context.Context, batch []dedup.OtherBody) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kept, err := k.opts.Store.KeepOtherBodies(ctx, batch)
	k.letGo(batch, err == nil)
	if err != nil {
		k.opts.Meter.OtherBodies(Lost, len(batch))
		return err
	}
	k.opts.Meter.OtherBodies(Kept, kept)
	k.opts.Meter.OtherBodies(Passed, len(batch)-kept)
	return nil
}

// letGo makes room. What was not written may be offered again.
func (k *Keeper) letGo(batch []dedup.OtherBody, written bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range batch {
		k.held--
		k.bytes -= int64(len(batch[i].Body))
		if !written {
			k.offered.forget(k.markOf(&batch[i]))
		}
	}
}

func (k *Keeper) markOf(o *dedup.OtherBody) mark {
	return mark{o.EventID, maphash.Bytes(k.seed, o.Body)}
}

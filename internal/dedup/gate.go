package dedup

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a [Gate]. All fields but Limiter and Observer are required.
type Options struct {
	Claimer Claimer
	HitLog  HitLog
	Ledger  Ledger
	Limiter Limiter // nil: no limits

	// Deadline ends the work on a request, counted from its arrival; one that shares a transaction with a younger request
	// may be answered as much later as the younger came. The client's own patience does not matter: a client that hangs up
	// can't cut a commit.
	Deadline time.Duration
	// SettleTimeout is the longest that settling may delay an answer.
	SettleTimeout time.Duration
	// QueueRequests and QueueBytes bound what is inside the gate at once; beyond either, Admit returns ErrBusy.
	QueueRequests int
	QueueBytes    int64
	// BatchRequests and BatchBytes bound one transaction (and one pipeline). A batch is what waits; no timer fills it.
	BatchRequests int
	BatchBytes    int64
	// Claimers and Committers are the numbers of pipelines and of transactions under way at once. Few make large batches.
	Claimers   int
	Committers int

	Observer Observer
}

// Operation names a step for an [Observer].
type Operation string

// The steps of a request that meet a store.
const (
	OpClaim  Operation = "claim"
	OpAppend Operation = "append"
	OpRecord Operation = "record"
	OpSettle Operation = "settle"
	OpDrain  Operation = "drain"
)

// Operations lists all steps.
func Operations() []Operation {
	return []Operation{OpClaim, OpAppend, OpRecord, OpSettle, OpDrain}
}

// Observer is told of every batch. Its methods must not block and are called concurrently.
type Observer interface {
	// Observed reports one batch of a step, its size, how long it took and whether the store failed.
	Observed(op Operation, size int, took time.Duration, failed bool)
}

func (o *Options) validate() error {
	switch {
	case o.Claimer == nil || o.HitLog == nil || o.Ledger == nil:
		return errors.New("dedup: a gate needs a claimer, a hit log and a ledger")
	case o.Deadline <= 0 || o.SettleTimeout <= 0:
		return errors.New("dedup: deadline and settle timeout must be positive")
	case o.BatchRequests <= 0 || o.BatchBytes <= 0:
		return errors.New("dedup: batch bounds must be positive")
	case o.QueueRequests < o.BatchRequests || o.QueueBytes < o.BatchBytes:
		return errors.New("dedup: the queue must hold at least one batch")
	case o.Claimers <= 0 || o.Committers <= 0:
		return errors.New("dedup: a gate needs at least one claimer and one committer")
	}
	if o.Observer == nil {
		o.Observer = silent{}
	}
	return nil
}

type silent struct{}

func (silent) Observed(Operation, int, time.Duration, bool) {}

// Gate admits requests: the only place where claimer and ledger meet. Requests that wait at the same moment share one
// pipeline and one transaction (group commit).
//
// A request passes two queues. Claim workers ask the claimer; what it knows for sure is a hit, which passes their queue a
// second time, into the hit log, and is answered. The rest is recorded by commit workers, settled and answered. A request
// whose run is locked by a stranger moves to a lane of that run, so that nobody else waits for it.
type Gate struct {
	opts     Options
	exchange func(context.Context, []ClaimRequest, []Hit) ([]ClaimReply, error)
	claims   *queue
	commits  *queue
	lanes    lanes

	mu       sync.Mutex // guards stopping, requests, bytes
	stopping bool
	requests int
	bytes    int64
	idle     chan struct{} // closed when stopping and empty

	stopWorkers sync.Once
	claiming    sync.WaitGroup
	committing  sync.WaitGroup
	unrecorded  atomic.Int64
}

// pending is a request inside the gate. Its fields are written by one goroutine at a time, handed on by channels; after
// done is closed nobody writes.
type pending struct {
	entry    Entry
	deadline time.Time
	goodMark bool // the claim's mark speaks of the database as we last saw it: whatever fails, this is a duplicate
	isHit    bool // all that is left to do is to store its receipt in the hit log
	verdict  Verdict
	err      error
	done     chan struct{}
}

// NewGate starts the workers. Close it to stop them.
func NewGate(opts Options) (*Gate, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	g := &Gate{
		opts: opts, exchange: exchangeWith(opts.Claimer, opts.HitLog), idle: make(chan struct{}),
		claims: newQueue(opts.QueueRequests), commits: newQueue(opts.QueueRequests),
	}
	g.lanes.open, g.lanes.slots = map[laneKey]*lane{}, make(chan struct{}, laneSlots)
	for range opts.Claimers {
		g.claiming.Go(g.claimWorker)
	}
	for range opts.Committers {
		g.committing.Go(g.commitWorker)
	}
	return g, nil
}

// Admit decides one request. The verdict comes after the commit, or from a good mark. The inbound must not be changed
// any more, not even after Admit has returned early because ctx ended: its work goes on.
//
// Errors: ErrBusy, ErrStopped, ErrUnavailable, or ctx's own.
func (g *Gate) Admit(ctx context.Context, in *Inbound) (Verdict, error) {
	p := &pending{
		entry:    Entry{Inbound: in, EventID: NewID(in.ReceivedAt)},
		deadline: time.Now().Add(g.opts.Deadline),
		done:     make(chan struct{}),
	}
	if err := g.enter(p); err != nil {
		return Verdict{}, err
	}
	if in.Quarantine != nil {
		g.commits.put(p)
	} else {
		g.claims.put(p)
	}
	if ctx.Done() == nil { // a webhook's can't end, and waiting for one thing costs less
		<-p.done
		return p.verdict, p.err
	}
	select {
	case <-p.done:
		return p.verdict, p.err
	case <-ctx.Done():
		return Verdict{}, ctx.Err()
	}
}

// Waiting is the number of requests inside the gate and the bytes of their bodies.
func (g *Gate) Waiting() (requests int, bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests, g.bytes
}

// Unrecorded counts the duplicates since start whose receipt could be stored nowhere.
func (g *Gate) Unrecorded() int64 { return g.unrecorded.Load() }

// Close refuses new requests, waits until those inside are answered, and stops the workers. When ctx ends first the
// workers are left behind and ctx's error is returned. Close may be called again.
func (g *Gate) Close(ctx context.Context) error {
	g.mu.Lock()
	if !g.stopping {
		g.stopping = true
		if g.requests == 0 {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.stopWorkers.Do(func() { close(g.claims.in); close(g.commits.in) })
	g.claiming.Wait()
	g.committing.Wait()
	return nil
}

func (g *Gate) enter(p *pending) error {
	size := int64(len(p.entry.Body))
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.stopping:
		return ErrStopped
	case g.requests >= g.opts.QueueRequests || g.requests > 0 && g.bytes+size > g.opts.QueueBytes:
		return ErrBusy
	}
	g.requests++
	g.bytes += size
	return nil
}

// finish answers a request. It is the only way out of the gate.
func (g *Gate) finish(p *pending) {
	size := int64(len(p.entry.Body))
	close(p.done)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests--
	g.bytes -= size
	if g.stopping && g.requests == 0 {
		close(g.idle)
	}
}

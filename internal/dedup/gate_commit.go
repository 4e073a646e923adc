package dedup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The waits between two tries to record the same batch.
const (
	firstRetryWait = 10 * time.Millisecond
	maxRetryWait   = 400 * time.Millisecond
	// unavailableTries is how often a batch is offered to a ledger that says it can't be reached: a connection that died
	// in the pool is not a dead database.
	unavailableTries = 3
)

// commitWorker turns waiting requests into transactions until the queue closes.
func (g *Gate) commitWorker() {
	for {
		batch := g.commits.take(nil, g.share, g.opts.BatchBytes)
		if len(batch) == 0 {
			return
		}
		taken := len(batch)
		// Charged once, before it is known which way they go: a locked run is no way around the rate.
		if batch := g.lanes.divert(g.limit(g.expire(batch, errTooLate))); len(batch) > 0 {
			g.commit(batch)
		}
		g.commits.done(taken)
	}
}

// minShare is how many requests are worth a transaction of their own while another one is under way.
const minShare = 16

// share is the most that one transaction takes: half of what the gate holds. Otherwise everybody ends up in the same one,
// and while the database works on it there is nobody left to read, to claim and to answer. See
// docs/decisions/008-when-a-second-batch-starts.md.
func (g *Gate) share() int {
	inside, _ := g.Waiting()
	return min(max(minShare, (inside+1)/2), g.opts.BatchRequests)
}

var errTooLate = errors.New("its time was up before its turn came")

// expire answers the requests whose time is up and returns the others.
func (g *Gate) expire(batch []*pending, cause error) []*pending {
	now := time.Now()
	isLate := func(p *pending) bool { return !now.Before(p.deadline) }
	if !slices.ContainsFunc(batch, isLate) {
		return batch
	}
	var live, late []*pending
	for _, p := range batch {
		if isLate(p) {
			late = append(late, p)
		} else {
			live = append(live, p)
		}
	}
	g.fail(late, cause)
	return live
}

// commit records a batch and answers its requests, or hands the contended ones to lanes.
func (g *Gate) commit(batch []*pending) {
	verdicts, inc, err := g.record(batch)
	if !g.conclude(batch, verdicts, inc, err) {
		g.isolate(batch)
	}
}

// conclude answers a batch as the ledger has said and reports whether it did; if not, a row of it is locked.
func (g *Gate) conclude(batch []*pending, verdicts []Verdict, inc Incarnation, err error) bool {
	switch {
	case err == nil:
		g.committing.Go(func() { g.settle(batch, verdicts, inc) }) // the next transaction need not wait for it
	case errors.Is(err, ErrRejected):
		g.commitRejected(batch, err)
	case errors.Is(err, ErrContended):
		return false
	default:
		g.fail(batch, err)
	}
	return true
}

// record asks the ledger until it gives a clear answer or the batch's time is up. An unclear commit is settled by asking
// again with the same ids, never guessed.
func (g *Gate) record(batch []*pending) ([]Verdict, Incarnation, error) {
	entries := make([]*Entry, len(batch))
	deadline := batch[0].deadline
	for i, p := range batch {
		entries[i] = &p.entry
		if p.deadline.After(deadline) {
			deadline = p.deadline
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	unclear := false
	for try, wait := 1, firstRetryWait; ; try, wait = try+1, min(2*wait, maxRetryWait) {
		start := time.Now()
		verdicts, inc, err := g.opts.Ledger.Record(ctx, entries)
		g.opts.Observer.Observed(OpRecord, len(batch), time.Since(start), err != nil)
		if err == nil && len(verdicts) != len(batch) {
			err = fmt.Errorf("%w: %d verdicts for %d requests", ErrUnavailable, len(verdicts), len(batch))
		}
		unclear = unclear || errors.Is(err, ErrUnclear)
		again := unclear && !isRefusal(err) || errors.Is(err, ErrUnavailable) && try < unavailableTries
		if err == nil || !again {
			return verdicts, inc, err
		}
		if !sleep(ctx, wait) {
			return nil, Incarnation{}, fmt.Errorf("%w: no clear answer before the deadline: %w", ErrUnavailable, err)
		}
	}
}

// isRefusal reports an answer of the ledger itself: nothing of this try was stored, though an earlier one may have been.
func isRefusal(err error) bool {
	return errors.Is(err, ErrContended) || errors.Is(err, ErrRejected)
}

// sleep waits and reports whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// settle tells the claimer what was committed, then answers. A mark is a fact: losing it costs a question to the ledger.
func (g *Gate) settle(batch []*pending, verdicts []Verdict, inc Incarnation) {
	marks := make([]Settlement, 0, len(batch))
	for i, p := range batch {
		p.verdict = verdicts[i]
		if v := &p.verdict; !p.entry.Known && !v.InDoubt && !v.EventID.IsZero() && !p.entry.Key.IsZero() {
			marks = append(marks, Settlement{
				Key: p.entry.Key, Window: p.entry.Window,
				Mark: Mark{Incarnation: inc, EventID: v.EventID, Tag: v.FirstTag},
			})
		}
	}
	if len(marks) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), g.opts.SettleTimeout)
		start := time.Now()
		err := g.opts.Claimer.Settle(ctx, marks)
		cancel()
		g.opts.Observer.Observed(OpSettle, len(marks), time.Since(start), err != nil)
	}
	for _, p := range batch {
		g.finish(p)
	}
}

// commitRejected halves the batch until the one poisoned row is alone, which goes to quarantine.
func (g *Gate) commitRejected(batch []*pending, cause error) {
	if len(batch) > 1 {
		half := len(batch) / 2
		g.commit(batch[:half:half])
		g.commit(batch[half:])
		return
	}
	p := batch[0]
	if p.entry.Quarantine != nil {
		g.fail(batch, fmt.Errorf("%w: quarantine refused too: %w", ErrUnavailable, cause))
		return
	}
	p.entry = quarantined(p.entry)
	g.commit(batch)
}

// quarantined turns an entry whose data the database refuses into one for quarantine. All text of the sender's is left
// out: it may be what was refused. The body keeps everything, and is bytes.
func quarantined(e Entry) Entry {
	in := *e.Inbound
	in.Quarantine = &Quarantine{
		Reason: ReasonRejectedByDatabase,
		Message: "The database refuses a value of this event (a NUL character or invalid UTF-8 in an id or type). " +
			"It is kept; correct the webhook's template.",
	}
	in.Type, in.Generation, in.ActorID, in.TaskID = "", "", "", ""
	in.Run, in.Status, in.Version = RunRef{}, "", Version{}
	in.Headers, in.ContentType = []byte("{}"), ""
	if !IsPlainID(in.DispatchID) {
		in.DispatchID = ""
	}
	e.Inbound, e.Known = &in, false
	return e
}

// fail answers a batch that could not be recorded. A request with a good mark is a duplicate all the same: its receipt
// goes to the hit log, or is counted as unrecorded.
func (g *Gate) fail(batch []*pending, cause error) {
	if !errors.Is(cause, ErrUnavailable) {
		cause = fmt.Errorf("%w: %w", ErrUnavailable, cause)
	}
	var known []*pending
	for _, p := range batch {
		if p.goodMark {
			known = append(known, p)
			continue
		}
		p.err = cause
		g.finish(p)
	}
	if len(known) == 0 {
		return
	}
	stored := g.appendHits(known) == nil
	for _, p := range known {
		p.verdict = knownVerdict(&p.entry)
		if !stored {
			p.verdict.Unrecorded = true
			g.unrecorded.Add(1)
		}
		g.finish(p)
	}
}

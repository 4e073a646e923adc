package dedup

import (
	"context"
	"fmt"
	"time"
)

// Limiter says which requests may go on to the ledger now. A batch is asked about once, after its claims and before the
// first try to record it, and without the known duplicates in it: they need nothing that could be too much. Safe for
// concurrent use.
type Limiter interface {
	// On reports whether there is any limit. While there is none nothing else is asked, so it must cost nothing.
	On() bool
	// Allow gives for each request how long it has to wait, 0 letting it pass; nil lets all pass. What passes is charged. It
	// bounds its own time and never fails: who can't count together counts alone.
	Allow(ctx context.Context, batch []*Inbound) []time.Duration
}

// LimitedError is the answer to a request over the rate of its source or client. Nothing of it was stored.
type LimitedError struct {
	RetryAfter time.Duration // until the next one may pass
}

// Error says how long to wait.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("over its rate, the next may pass in %s", e.RetryAfter.Round(time.Millisecond))
}

// limit answers the requests of a batch that are over their rate and returns the others. Exempt are known duplicates
// whose receipt only comes along, and what operators put through again.
func (g *Gate) limit(batch []*pending) []*pending {
	if g.opts.Limiter == nil || len(batch) == 0 || !g.opts.Limiter.On() {
		return batch
	}
	asked := make([]*Inbound, 0, len(batch))
	for _, p := range batch {
		if p.isLimited() {
			asked = append(asked, p.entry.Inbound)
		}
	}
	if len(asked) == 0 {
		return batch
	}
	waits := g.opts.Limiter.Allow(context.Background(), asked)
	if len(waits) != len(asked) {
		return batch
	}
	passed := batch[:0:0]
	for _, p := range batch {
		if p.isLimited() {
			wait := waits[0]
			waits = waits[1:]
			if wait > 0 {
				p.err = &LimitedError{RetryAfter: wait}
				g.finish(p)
				continue
			}
		}
		passed = append(passed, p)
	}
	return passed
}

func (p *pending) isLimited() bool {
	return !p.goodMark && !p.entry.Known && p.entry.Via == ViaWebhook
}

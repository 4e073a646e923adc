// Package deduptest holds what every adapter of the core is measured against: conformance suites, reference stores in
// memory that pass them, and an outage to wrap around stores. Only tests import it.
package deduptest

import (
	"context"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Claimer is the reference [dedup.Claimer]: what claims mean, in memory and in as few words as possible. It passes
// [RunClaimer] and never fails; wrap it in an [Outage] for that. Safe for concurrent use.
type Claimer struct {
	now func() time.Time

	mu     sync.Mutex
	claims map[dedup.Key]claim
}

type claim struct {
	token   dedup.ID
	mark    dedup.Mark
	settled bool
	until   time.Time
}

var _ dedup.Claimer = (*Claimer)(nil)

// NewClaimer makes an empty claimer whose leases and windows run by now, which is called from any goroutine.
func NewClaimer(now func() time.Time) *Claimer {
	return &Claimer{now: now, claims: map[dedup.Key]claim{}}
}

// Claim implements [dedup.Claimer].
func (c *Claimer) Claim(ctx context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	replies := make([]dedup.ClaimReply, len(reqs))
	if ctx.Err() != nil {
		degrade(replies)
		return replies
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for i := range reqs {
		replies[i] = c.claim(&reqs[i], now)
	}
	return replies
}

func (c *Claimer) claim(r *dedup.ClaimRequest, now time.Time) dedup.ClaimReply {
	old, ok := c.claims[r.Key]
	switch {
	case !ok || !now.Before(old.until):
		c.claims[r.Key] = claim{token: r.Token, until: now.Add(r.Lease)}
		return dedup.ClaimReply{State: dedup.ClaimFirst}
	case old.settled:
		return dedup.ClaimReply{State: dedup.ClaimSettled, Mark: old.mark}
	case old.token == r.Token:
		return dedup.ClaimReply{State: dedup.ClaimFirst}
	default:
		return dedup.ClaimReply{State: dedup.ClaimPending}
	}
}

// Settle implements [dedup.Claimer].
func (c *Claimer) Settle(ctx context.Context, marks []dedup.Settlement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, s := range marks {
		c.claims[s.Key] = claim{mark: s.Mark, settled: true, until: now.Add(s.Window)}
	}
	return nil
}

// Flush forgets everything, as a Redis that lost its memory does.
func (c *Claimer) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.claims)
}

// degrade fills replies with the answer of a claimer that can't be asked.
func degrade(replies []dedup.ClaimReply) {
	for i := range replies {
		replies[i] = dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}
	}
}

package dedup

import (
	"context"
	"errors"
	"time"
)

// claimWorker turns what waits into round trips to claimer and hit log until the queue closes. A request passes the queue
// once to be claimed and, if its mark is good, once more as a hit: the hits of one batch travel with the claims of the next.
func (g *Gate) claimWorker() {
	var (
		batch []*pending
		t     trip
	)
	most := func() int { return g.opts.BatchRequests }
	for {
		batch = g.claims.take(batch[:0], most, g.opts.BatchBytes)
		if len(batch) == 0 {
			return
		}
		t.load(batch)
		if len(t.claims) > 0 {
			g.claim(&t)
		} else {
			t.err = g.appendHits(t.hits)
		}
		g.passOn(t.claims)
		g.answerHits(t.hits, t.err)
		g.claims.done(len(batch))
	}
}

// trip is one round trip: who is claimed, and whose receipts go to the hit log.
type trip struct {
	claims []*pending
	hits   []*pending
	err    error // of storing the hits

	requests []ClaimRequest
}

// load takes a batch in, in place of the last one.
func (t *trip) load(batch []*pending) {
	t.claims, t.hits, t.requests, t.err = t.claims[:0], t.hits[:0], t.requests[:0], nil
	for _, p := range batch {
		if p.isHit {
			t.hits = append(t.hits, p)
			continue
		}
		t.claims = append(t.claims, p)
		t.requests = append(t.requests, ClaimRequest{Key: p.entry.Key, Token: p.entry.ReceiptID, Lease: p.entry.Lease})
	}
}

// claim asks about the claims of a trip and has its hits stored.
func (g *Gate) claim(t *trip) {
	start := time.Now()
	replies, err := g.exchange(context.Background(), t.requests, hitsOf(t.hits))
	took := time.Since(start)
	t.err = err
	failed := false
	for i, p := range t.claims {
		p.entry.Claim = ClaimReply{State: ClaimUnknown, Degraded: true}
		if i < len(replies) {
			p.entry.Claim = replies[i]
		}
		failed = failed || p.entry.Claim.Degraded
	}
	g.opts.Observer.Observed(OpClaim, len(t.claims), took, failed)
	if len(t.hits) > 0 {
		g.observeAppend(len(t.hits), took, err)
	}
}

// passOn sends claimed requests where they have to go next: to the ledger, or as hits through the queue again.
func (g *Gate) passOn(claimed []*pending) {
	inc, fresh := g.opts.Ledger.Incarnation()
	for _, p := range claimed {
		c := &p.entry.Claim
		p.goodMark = c.State == ClaimSettled && !inc.IsZero() && c.Mark.Incarnation == inc &&
			p.entry.Via != ViaReconciled // an event in doubt may wait for it, whatever a mark says
		p.entry.Known = p.goodMark && fresh
		if p.isHit = p.entry.Known && p.entry.Via == ViaWebhook; p.isHit { // the log does not keep by which other way a hit came
			g.claims.put(p)
		} else {
			g.commits.put(p)
		}
	}
}

// answerHits answers known duplicates whose receipts are in the hit log. Where the log could not take them they go to the
// ledger with the next transaction.
func (g *Gate) answerHits(hits []*pending, err error) {
	for _, p := range hits {
		if err != nil {
			g.commits.put(p)
			continue
		}
		p.verdict = knownVerdict(&p.entry)
		g.finish(p)
	}
}

func (g *Gate) appendHits(hits []*pending) error {
	start := time.Now()
	err := g.opts.HitLog.Append(context.Background(), hitsOf(hits))
	g.observeAppend(len(hits), time.Since(start), err)
	return err
}

func (g *Gate) observeAppend(hits int, took time.Duration, err error) {
	g.opts.Observer.Observed(OpAppend, hits, took, err != nil && !errors.Is(err, ErrHitsToLedger))
}

func hitsOf(pendings []*pending) []Hit {
	if len(pendings) == 0 {
		return nil
	}
	list := make([]Hit, len(pendings))
	for i, p := range pendings {
		list[i] = p.entry.hit()
	}
	return list
}

// hit is the receipt of a known duplicate.
func (e *Entry) hit() Hit {
	m := e.Claim.Mark
	return Hit{
		ReceiptID: e.ReceiptID, ReceivedAt: e.ReceivedAt, Source: e.Key.Source, EventID: m.EventID, Type: e.Type,
		DispatchID: e.DispatchID, Repeat: repeatKind(m.Tag, e.DispatchID), RemoteIP: e.RemoteIP,
	}
}

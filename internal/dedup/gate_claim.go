package dedup

import (
	"context"
	"errors"
	"time"
)

// claimWorker turns waiting requests into pipelines until the queue closes.
func (g *Gate) claimWorker() {
	var (
		batch []*pending
		reqs  []ClaimRequest
		hits  []*pending
	)
	for {
		batch = g.claims.take(batch[:0], g.opts.BatchRequests, g.opts.BatchBytes)
		if len(batch) == 0 {
			return
		}
		reqs, hits = g.claim(batch, reqs[:0]), hits[:0]
		inc, fresh := g.opts.Ledger.Incarnation()
		for _, p := range batch {
			c := &p.entry.Claim
			p.goodMark = c.State == ClaimSettled && !inc.IsZero() && c.Mark.Incarnation == inc
			p.entry.Known = p.goodMark && fresh
			if p.entry.Known && p.entry.Via == ViaWebhook { // the log does not keep by which other way a hit came
				hits = append(hits, p)
				continue
			}
			g.commits.in <- p
		}
		g.answerHits(hits)
		g.claims.done(len(batch))
	}
}

func (g *Gate) claim(batch []*pending, reqs []ClaimRequest) []ClaimRequest {
	for _, p := range batch {
		reqs = append(reqs, ClaimRequest{Key: p.entry.Key, Token: p.entry.ReceiptID, Lease: p.entry.Lease})
	}
	start := time.Now()
	replies := g.opts.Claimer.Claim(context.Background(), reqs)
	failed := false
	for i, p := range batch {
		p.entry.Claim = ClaimReply{State: ClaimUnknown, Degraded: true}
		if i < len(replies) {
			p.entry.Claim = replies[i]
		}
		failed = failed || p.entry.Claim.Degraded
	}
	g.opts.Observer.Observed(OpClaim, len(batch), time.Since(start), failed)
	return reqs
}

// answerHits stores the receipts of known duplicates in the hit log and answers them. Where the log can't take them they
// go to the ledger with the next transaction.
func (g *Gate) answerHits(hits []*pending) {
	if len(hits) == 0 {
		return
	}
	if err := g.appendHits(hits); err != nil {
		for _, p := range hits {
			g.commits.in <- p
		}
		return
	}
	for _, p := range hits {
		p.verdict = knownVerdict(&p.entry)
		g.finish(p)
	}
}

func (g *Gate) appendHits(hits []*pending) error {
	list := make([]Hit, len(hits))
	for i, p := range hits {
		list[i] = p.entry.hit()
	}
	start := time.Now()
	err := g.opts.HitLog.Append(context.Background(), list)
	g.opts.Observer.Observed(OpAppend, len(hits), time.Since(start), err != nil && !errors.Is(err, ErrHitsToLedger))
	return err
}

// hit is the receipt of a known duplicate.
func (e *Entry) hit() Hit {
	m := e.Claim.Mark
	return Hit{
		ReceiptID: e.ReceiptID, ReceivedAt: e.ReceivedAt, Source: e.Key.Source, EventID: m.EventID, Type: e.Type,
		DispatchID: e.DispatchID, Repeat: repeatKind(m.Tag, e.DispatchID), RemoteIP: e.RemoteIP,
	}
}

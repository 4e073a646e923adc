package app

import (
	"context"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/source"
	"github.com/dedupgate/dedupgate/internal/view"
)

// ReplayQuarantined puts a quarantined request through the gate again, identified by the source as it is configured now.
// A request that is still unreadable stays in quarantine; the verdict says so.
func (a *App) ReplayQuarantined(ctx context.Context, id, actor, reason string) (dedup.Verdict, error) {
	q, err := a.ledger.Quarantined(ctx, id)
	if err != nil {
		return dedup.Verdict{}, err
	}
	switch {
	case q.Truncated:
		return dedup.Verdict{}, fmt.Errorf("%w: only the start of the body was kept; raise http.max_body and let the sender try again",
			httpapi.ErrCantReplay)
	case q.ReplayedAt != nil:
		return dedup.Verdict{}, fmt.Errorf("%w: it was replayed at %s as event %s",
			httpapi.ErrCantReplay, q.ReplayedAt.Format(time.RFC3339), q.ReplayEvent)
	}
	src, ok := a.sources.Lookup(q.Source)
	if !ok {
		return dedup.Verdict{}, fmt.Errorf("%w: its source %q is not configured any more", httpapi.ErrCantReplay, q.Source)
	}
	body, err := a.ledger.QuarantineBody(ctx, id)
	if err != nil {
		return dedup.Verdict{}, err
	}
	start := time.Now()
	verdict, err := a.gate.Admit(ctx, identifyAgain(src, q, body))
	if err != nil {
		return verdict, err
	}
	a.metrics.Receipt(q.Source, verdict, time.Since(start))
	if verdict.EventID.IsZero() {
		return verdict, a.ledger.Audit(ctx, ledger.AuditEntry{
			Actor: actor, Action: "quarantine.replay", Target: id, Reason: reason, Detail: "it is in quarantine again: " + string(verdict.Reason),
		})
	}
	return verdict, a.ledger.MarkReplayed(ctx, id, verdict.EventID.String(), actor, reason)
}

func identifyAgain(src *source.Source, q view.Quarantined, body view.Body) *dedup.Inbound {
	now := time.Now().UTC().Truncate(time.Millisecond)
	req := source.RequestFromStored(q.Headers, body.Bytes, body.ContentType)
	req.ReceiptID, req.ReceivedAt = dedup.NewID(now), now
	in := src.Identify(req)
	in.Via = dedup.ViaQuarantine
	return &in
}

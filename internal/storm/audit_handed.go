package storm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Handed is what came out of the gateway at the sink.
type Handed struct {
	Requests int           `json:"requests"` // all told, of other senders too
	Events   int           `json:"events"`   // of the storm's, that arrived
	Again    int           `json:"again"`    // arrivals beyond the first
	Took     time.Duration `json:"took_ns"`  // from the first arrival to the last
	Rate     float64       `json:"rate"`     // arrivals a second in that time
}

// checkHanded waits until everything has arrived at the sink and compares it with what was sent: every event is there, byte
// for byte, signed, under one id, and not twice unless the gateway was gone in between.
func (a *audit) checkHanded(ctx context.Context) error {
	if a.Sink == nil {
		return nil
	}
	if err := a.awaitArrivals(ctx); err != nil {
		return err
	}
	s := a.Sink
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &Handed{Requests: s.requests, Took: s.last.Sub(s.first)}
	a.report.Handed = h
	if h.Took > 0 {
		h.Rate = float64(s.requests) / h.Took.Seconds()
	}
	if s.unsigned > 0 {
		a.books.found(Finding{Kind: KindUnsigned, Detail: fmt.Sprintf("%d requests at the sink, the first: %s", s.unsigned, s.complain)})
	}
	for id, row := range a.rows {
		a.checkArrival(h, id, &row, s.arrivals[id])
	}
	return nil
}

func (a *audit) checkArrival(h *Handed, id dedup.ID, row *view.Event, got *arrival) {
	run := a.runOf[id]
	e, w := run.find(row.DispatchID)
	at := place{run, e}
	if got == nil {
		a.found(KindNotHanded, at, "event %s never arrived at the sink", id)
		return
	}
	h.Events++
	h.Again += max(0, got.times-1)
	switch {
	case got.differ:
		a.found(KindAltered, at, "event %s arrived at the sink with different bodies", id)
	case e >= 0 && got.digest != sha256.Sum256(run.body(e, w, a.BodySize)):
		a.found(KindAltered, at, "the body of event %s is not what was sent, at the sink", id)
	}
	if got.times > 1 && a.report.Outages == 0 {
		a.found(KindHandedAgain, at, "event %s arrived %d times at the sink, and the gateway was never gone", id, got.times)
	}
}

// find gives the event and the webhook that a dispatch belongs to; -1 when it is none of the run's.
func (p *played) find(dispatch string) (e, w int) {
	for e := range p.events {
		if w := slices.Index(p.events[e].dispatches, dispatch); w >= 0 {
			return e, w
		}
	}
	return -1, -1
}

// awaitArrivals waits for the events that are still on their way, as long as some arrive within the patience.
func (a *audit) awaitArrivals(ctx context.Context) error {
	missing, since := len(a.rows)+1, time.Now()
	for {
		now := a.Sink.missing(a.rows)
		if now == 0 {
			return nil
		}
		if now < missing {
			missing, since = now, time.Now()
		}
		if time.Since(since) > a.Patience {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *Sink) missing(rows map[dedup.ID]view.Event) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range rows {
		if s.arrivals[id] == nil {
			n++
		}
	}
	return n
}

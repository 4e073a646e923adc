package forward

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// How long a job waits for what burns no attempt.
const (
	// unknownPause is for a job whose destination was removed while it was being fetched.
	unknownPause = 30 * time.Second
	// storePause is for a store that fails, and for a delivery that the store wants to wait.
	storePause = 2 * time.Second
	// A job behind an earlier one of its run looks again after firstTurn, and then less and less often.
	firstTurn, longestTurn = 100 * time.Millisecond, 10 * time.Second
	// longestPace is how long a job keeps its place among the workers for its turn in the rate.
	longestPace = 30 * time.Second
	// openHold is how long a job that meets an open breaker keeps its place. It slows down the walk through a long queue
	// that can't be served anyway.
	openHold = time.Second
)

// handOn makes the next attempt of a delivery if it is time for one, and says when to look again.
func (f *Forwarder) handOn(ctx context.Context, claim delivery.Claim, destination string, snoozes int) (n next) {
	defer f.survive(claim, &n)
	r := f.routes.Load().byName[destination]
	if r == nil {
		return later(spread(unknownPause))
	}
	if n = f.mayAttempt(ctx, r, claim.Delivery, snoozes); n.again {
		return n
	}
	if !f.enter(ctx, r) {
		return later(0)
	}
	shipment, result, n := f.underWay(ctx, r, claim)
	if result == nil {
		return n
	}
	return f.record(r, shipment, result)
}

// survive lets a panic end the work on one delivery and on nothing else. If it was being attempted the attempt is lost.
func (f *Forwarder) survive(claim delivery.Claim, n *next) {
	if p := recover(); p != nil {
		f.o.Log.Error("handing on a delivery has panicked, it is tried again", "delivery_id", claim.Delivery.String(),
			"panic", plain(fmt.Sprint(p)), "stack", string(debug.Stack()))
		*n = later(afterPanic)
	}
}

// mayAttempt looks at what can hold up a delivery for longer.
func (f *Forwarder) mayAttempt(ctx context.Context, r *route, id dedup.ID, snoozes int) next {
	if r.Ordered {
		blocked, err := f.ask.blocked(ctx, id)
		if err != nil {
			f.storeFailed(ctx, "blocked", err)
			return later(spread(storePause))
		}
		if blocked {
			return later(spread(turn(snoozes)))
		}
	}
	if open := r.breaker.remaining(); open > 0 {
		return f.holdOpen(ctx, open)
	}
	return next{}
}

// enter waits for a place among the attempts under way; false means that the process stops.
func (f *Forwarder) enter(ctx context.Context, r *route) bool {
	select {
	case r.places <- struct{}{}:
		return true
	case <-f.stopping:
		return false
	case <-ctx.Done():
		return false
	}
}

// underWay makes an attempt in its place, and leaves it. Without a result there was none, and next says when to look again.
func (f *Forwarder) underWay(ctx context.Context, r *route, claim delivery.Claim) (*delivery.Shipment, *delivery.Result, next) {
	defer r.leave()
	if r.pace != nil {
		wait := r.pace.TryReservePermit(longestPace)
		if wait < 0 {
			return nil, nil, later(spread(longestPace))
		}
		if !f.hold(ctx, wait) {
			return nil, nil, later(0)
		}
	}
	leave, after := r.breaker.admit()
	if after > 0 {
		return nil, nil, f.holdOpen(ctx, after)
	}
	defer leave.handBack() // unless it is used
	begun, err := f.ask.begin(ctx, claim)
	if err != nil || begun.shipment == nil {
		return nil, nil, f.notBegun(ctx, begun, err)
	}
	shipment := begun.shipment
	result := attempt(ctx, r, shipment, &leave)
	return shipment, &result, next{}
}

// notBegun says when to look again at a delivery that the store has not begun.
func (f *Forwarder) notBegun(ctx context.Context, b begun, err error) next {
	switch {
	case err != nil:
		f.storeFailed(ctx, "begin", err)
		return later(spread(storePause))
	case b.waits:
		return later(spread(storePause))
	default:
		return next{}
	}
}

// turn is the time until a job asks again whether it still is behind another one.
func turn(snoozes int) time.Duration {
	return min(firstTurn<<min(snoozes, 10), longestTurn)
}

// holdOpen waits a part of the time that a breaker stays open, and postpones the job for the rest.
func (f *Forwarder) holdOpen(ctx context.Context, open time.Duration) next {
	held := min(open, openHold)
	if !f.hold(ctx, held) {
		return later(0)
	}
	return later(open - held + spread(openHold/10))
}

// hold waits with the job in hand; false means that the process stops and the job is for another one.
func (f *Forwarder) hold(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.stopping:
		return false
	case <-ctx.Done():
		return false
	}
}

// attempt sends, and tells the breaker how it went.
func attempt(ctx context.Context, r *route, s *delivery.Shipment, leave *permit) delivery.Result {
	if s.BodyPurged {
		return nothingToSend(s, time.Now())
	}
	a := r.sender.send(ctx, s)
	if a.cut == nil {
		leave.record(receiverWell(&a))
	}
	return decide(r.Retry, s, &a, time.Now(), rand.Float64()) //nolint:gosec // spreading waits needs no secret
}

// record tells the store what became of an attempt, and then everybody else. A further attempt has a job of its own.
func (f *Forwarder) record(r *route, s *delivery.Shipment, result *delivery.Result) next {
	err := f.ask.finish(*result)
	f.o.Observer.Attempted(r.Name, result.State, result.Took)
	f.logAttempt(s, result)
	if err != nil {
		return later(0)
	}
	return next{}
}

// logAttempt writes the one line of an attempt. Failures are warnings; only a dead letter asks for somebody.
func (f *Forwarder) logAttempt(s *delivery.Shipment, r *delivery.Result) {
	level := slog.LevelInfo
	switch r.State {
	case delivery.Retrying:
		level = slog.LevelWarn
	case delivery.Dead:
		level = slog.LevelError
	default:
	}
	ctx := context.Background()
	if !f.o.Log.Enabled(ctx, level) {
		return
	}
	attrs := [...]slog.Attr{
		slog.String("destination", s.Destination),
		slog.String("state", string(r.State)),
		slog.String("delivery_id", s.ID.String()),
		slog.String("event_id", s.EventID.String()),
		slog.String("source", s.Source),
		slog.String("run_id", plain(s.Run.ID)),
		slog.Int("attempt", r.Number),
		slog.Int("replay", s.Replay),
		slog.Int("status", r.Status),
		slog.Float64("duration_ms", float64(r.Took.Microseconds())/1000),
		slog.String("error", r.Error),
		slog.Time("next_attempt_at", r.Next),
	}
	n := len(attrs)
	if r.Next.IsZero() {
		n--
	}
	if r.Error == "" {
		n--
	}
	f.o.Log.LogAttrs(ctx, level, "attempt", attrs[:n]...)
}

// storeFailed logs at most one line a second: all jobs meet the same failure.
func (f *Forwarder) storeFailed(ctx context.Context, what string, err error) {
	now := time.Now().Unix()
	if last := f.lastFailure.Swap(now); last == now || ctx.Err() != nil {
		return
	}
	f.o.Log.Warn("deliveries wait for the database", "call", what, "error", err)
}

// spread makes a wait up to a fifth longer, so that what was postponed together does not come back together.
func spread(d time.Duration) time.Duration {
	return d + rand.N(d/5+1) //nolint:gosec // nobody gains by guessing it
}

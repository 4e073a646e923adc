package apify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Doubts is the ledger's list of requests that have to be looked up. What is on it was put there in the transaction that made
// the event, or recorded a further request for it, so none is forgotten.
type Doubts interface {
	// ClaimDoubts takes doubts that are due, up to most of events and as many of further requests for them, each oldest
	// first, and makes them due again after lease, should nobody settle them. No other process gets the same ones before.
	ClaimDoubts(ctx context.Context, most int, lease time.Duration) ([]delivery.Doubt, error)
	// Believe settles an event's doubt: a request for it is confirmed. Its held deliveries go, with what that request told.
	Believe(ctx context.Context, d *delivery.Doubt) (delivery.Belief, error)
	// Disbelieve writes an objection to a request down. unverified says that the event's first is not confirmed, now or
	// before; its held deliveries stay.
	Disbelieve(ctx context.Context, d *delivery.Doubt, objection string) (unverified bool, err error)
	// PostponeDoubt makes a doubt due at a later time.
	PostponeDoubt(ctx context.Context, d *delivery.Doubt, until time.Time) error
}

// VerifyObserver is told of every look-up.
type VerifyObserver interface {
	// Verified counts an event that Apify has confirmed, or a request for one that stays unverified.
	Verified(source string, confirmed bool)
	// VerifyFailed counts a look-up that nobody answered.
	VerifyFailed(source string)
}

const (
	// verifyEvery is how often the list is asked for; held deliveries wait that long.
	verifyEvery = time.Second
	// verifyBatch is how many look-ups are under way at once, of events' first requests and of others each.
	verifyBatch = 8
	// verifyLease is longer than a look-up takes with all its tries.
	verifyLease = 10 * time.Minute
	// enoughTries is how often an objection is heard before it counts: Apify may not have written down yet what it tells.
	enoughTries = 3
	// objectionWait is the time between these tries.
	objectionWait = 10 * time.Second
	// unwrittenWait is the time until what could not be written down is looked up again.
	unwrittenWait = 5 * time.Second
	// maxPostpone is the longest wait after a look-up that nobody answered.
	maxPostpone = 10 * time.Minute
)

// Verifier looks events up and lets go what waits for it.
type Verifier struct {
	Looker   *Looker
	Doubts   Doubts
	Observer VerifyObserver
	Log      *slog.Logger
}

// Run looks up what is due until ctx ends. Any number of processes may run at once.
func (v *Verifier) Run(ctx context.Context) {
	for {
		n, err := v.Round(ctx)
		if err != nil && ctx.Err() == nil {
			v.Log.Warn("events that wait for verification could not be read; tried again soon", "error", err)
		}
		if n >= verifyBatch {
			continue // there may be more
		}
		select {
		case <-time.After(verifyEvery):
		case <-ctx.Done():
			return
		}
	}
}

// Round looks up one batch and returns its size.
func (v *Verifier) Round(ctx context.Context) (int, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	doubts, err := v.Doubts.ClaimDoubts(ctx, verifyBatch, verifyLease)
	if err != nil {
		return 0, err
	}
	var all sync.WaitGroup
	for i := range doubts {
		all.Go(func() { v.settle(ctx, &doubts[i]) })
	}
	all.Wait()
	return len(doubts), nil
}

// settle looks one request up and writes down what came of it. What can't be written down is looked up again.
func (v *Verifier) settle(ctx context.Context, d *delivery.Doubt) {
	objection, err := v.Looker.Look(ctx, d)
	log := v.logOf(d)
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx) // the gateway stops; the doubt is due again at once
		err = v.Doubts.PostponeDoubt(ctx, d, time.Now())
		if err != nil {
			log.Warn("an event's verification was cut off; it is tried again after a while", "error", err)
		}
		return
	}
	switch {
	case err != nil:
		v.Observer.VerifyFailed(d.Source)
		level := slog.LevelWarn
		if errors.Is(err, ErrRefused) {
			level = slog.LevelError
		}
		wait := min(backoffOf(d.Tries), maxPostpone)
		log.Log(ctx, level, "an event could not be verified yet; tried again", "error", err, "again_in", wait.String())
		err = v.Doubts.PostponeDoubt(ctx, d, time.Now().Add(wait))
	case objection != "" && d.Tries < enoughTries:
		err = v.Doubts.PostponeDoubt(ctx, d, time.Now().Add(objectionWait))
	case objection != "":
		err = v.disbelieve(ctx, d, objection)
	default:
		err = v.believe(ctx, d)
	}
	if err != nil {
		log.Warn("what came of an event's verification could not be written down; it is looked up again", "error", err)
		_ = v.Doubts.PostponeDoubt(ctx, d, time.Now().Add(unwrittenWait)) // else after the lease
	}
}

func (v *Verifier) logOf(d *delivery.Doubt) *slog.Logger {
	log := v.Log.With("source", d.Source, "event_id", d.EventID.String(), "dispatch_id", d.DispatchID, "kind", string(d.Run.Kind), "run_id", d.Run.ID)
	if !d.Retelling.IsZero() {
		log = log.With("receipt_id", d.Retelling.String())
	}
	return log
}

func (v *Verifier) believe(ctx context.Context, d *delivery.Doubt) error {
	b, err := v.Doubts.Believe(ctx, d)
	if err != nil {
		return err
	}
	v.Observer.Verified(d.Source, true)
	switch {
	case b.Out > 0:
		v.logOf(d).Error("an unconfirmed request had made this event and may have been handed on; the true one is on record now: replay the event",
			"deliveries", b.Out)
	case b.Replaced:
		v.logOf(d).Warn("an unconfirmed request had made this event; the true one has taken its place, nothing false was handed on")
	}
	return nil
}

func (v *Verifier) disbelieve(ctx context.Context, d *delivery.Doubt, objection string) error {
	unverified, err := v.Doubts.Disbelieve(ctx, d, objection)
	if err != nil {
		return err
	}
	if unverified {
		v.Observer.Verified(d.Source, false)
	}
	if unverified && d.Retelling.IsZero() {
		v.logOf(d).Error("unverified event: Apify does not confirm it", "objection", objection)
	} else {
		v.logOf(d).Warn("Apify does not confirm a request; it is not the only one for its event", "objection", objection)
	}
	return nil
}

// backoffOf doubles from ten seconds.
func backoffOf(tries int) time.Duration { return 10 * time.Second << min(max(tries-1, 0), 10) }

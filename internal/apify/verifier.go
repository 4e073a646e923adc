package apify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Doubts is the ledger's list of events that have to be looked up. What is on it was put there in the transaction that made
// the event, so none is forgotten.
type Doubts interface {
	// ClaimDoubts takes doubts that are due, oldest first, and makes them due again after lease, should nobody settle them.
	// No other process gets the same ones before.
	ClaimDoubts(ctx context.Context, most int, lease time.Duration) ([]delivery.Doubt, error)
	// Believe settles a doubt: the event's held deliveries go.
	Believe(ctx context.Context, event dedup.ID) (released int, err error)
	// Disbelieve settles a doubt: the event is marked unverified for a reason, and its held deliveries stay.
	Disbelieve(ctx context.Context, event dedup.ID, objection string) error
	// PostponeDoubt makes a doubt due at a later time.
	PostponeDoubt(ctx context.Context, event dedup.ID, until time.Time) error
}

// VerifyObserver is told of every look-up.
type VerifyObserver interface {
	// Verified counts an event that Apify has confirmed, or has not.
	Verified(source string, confirmed bool)
	// VerifyFailed counts a look-up that nobody answered.
	VerifyFailed(source string)
}

const (
	// verifyEvery is how often the list is asked for; held deliveries wait that long.
	verifyEvery = time.Second
	// verifyBatch is how many look-ups are under way at once.
	verifyBatch = 8
	// verifyLease is longer than a look-up takes with all its tries.
	verifyLease = 10 * time.Minute
	// enoughTries is how often an objection is heard before it counts: Apify may not have written down yet what it tells.
	enoughTries = 3
	// objectionWait is the time between these tries.
	objectionWait = 10 * time.Second
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
		if n == verifyBatch {
			continue // there is more
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

// settle looks one event up and writes down what came of it. What can't be written down is looked up again after the lease.
func (v *Verifier) settle(ctx context.Context, d *delivery.Doubt) {
	objection, err := v.Looker.Look(ctx, d)
	log := v.Log.With("source", d.Source, "event_id", d.EventID.String(), "dispatch_id", d.DispatchID, "kind", string(d.Run.Kind), "run_id", d.Run.ID)
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx) // the gateway stops; the doubt is due again at once
		err = v.Doubts.PostponeDoubt(ctx, d.EventID, time.Now())
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
		err = v.Doubts.PostponeDoubt(ctx, d.EventID, time.Now().Add(wait))
	case objection != "" && d.Tries < enoughTries:
		err = v.Doubts.PostponeDoubt(ctx, d.EventID, time.Now().Add(objectionWait))
	case objection != "":
		if err = v.Doubts.Disbelieve(ctx, d.EventID, objection); err == nil {
			v.Observer.Verified(d.Source, false)
			log.Error("unverified event: Apify does not confirm it", "objection", objection)
		}
	default:
		if _, err = v.Doubts.Believe(ctx, d.EventID); err == nil {
			v.Observer.Verified(d.Source, true)
		}
	}
	if err != nil {
		log.Warn("what came of an event's verification could not be written down; it is looked up again", "error", err)
	}
}

// backoffOf doubles from ten seconds.
func backoffOf(tries int) time.Duration { return 10 * time.Second << min(max(tries-1, 0), 10) }

package forward

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// How the store is asked.
const (
	askTimeout    = 10 * time.Second
	mostTogether  = 256
	finishPause   = 100 * time.Millisecond // after the first failure; each further pause is twice as long
	longestPause  = 3 * time.Second
	triesTogether = 3 // then a batch of results is split, so that one that can't be stored holds up no other
)

// asker is the store with calls shared by all workers.
type asker struct {
	store Store
	log   *slog.Logger
	way   courtesy
	// given ends when nobody waits for the store any more: at the very end of a stop.
	given context.Context //nolint:containedctx // calls are made for many workers and outlive each of them
	kept  atomic.Int64    // results that the store could not take yet

	begins  batcher[delivery.Claim, begun]
	blocks  batcher[dedup.ID, bool]
	results batcher[delivery.Result, struct{}]
}

func newAsker(given context.Context, store Store, way courtesy, log *slog.Logger) *asker {
	// One lane each: a transaction costs the same whatever its size, and what waits for it makes the next one large.
	const lanes = 1
	a := &asker{store: store, way: way, log: log, given: given}
	a.begins = batcher[delivery.Claim, begun]{run: a.runBegin, lanes: lanes, most: mostTogether}
	a.blocks = batcher[dedup.ID, bool]{run: a.runBlocked, lanes: lanes, most: mostTogether}
	a.results = batcher[delivery.Result, struct{}]{run: a.runFinish, lanes: lanes, most: mostTogether}
	return a
}

// begun is what became of a claim: something to send, something to wait for, or nothing.
type begun struct {
	shipment *delivery.Shipment
	waits    bool
}

// begin starts an attempt.
func (a *asker) begin(ctx context.Context, c delivery.Claim) (begun, error) {
	return a.begins.do(ctx, c)
}

// blocked reports whether the delivery has to wait for an earlier one.
func (a *asker) blocked(ctx context.Context, id dedup.ID) (bool, error) { return a.blocks.do(ctx, id) }

// finish stores a result. It fails only when the process must stop before the store could be told.
func (a *asker) finish(r delivery.Result) error {
	_, err := a.results.do(a.given, r)
	return err
}

func (a *asker) runBegin(claims []delivery.Claim, answer func(int, begun, error)) {
	a.way.giveWay()
	ctx, cancel := context.WithTimeout(a.given, askTimeout)
	defer cancel()
	all, err := a.store.Begin(ctx, claims)
	byID := make(map[dedup.ID]begun, len(claims))
	for i := range all.Shipments {
		byID[all.Shipments[i].ID] = begun{shipment: &all.Shipments[i]}
	}
	for _, id := range all.Waiting {
		byID[id] = begun{waits: true}
	}
	for i, c := range claims {
		b := byID[c.Delivery]
		if b.shipment != nil && b.shipment.Job != c.Job {
			b = begun{} // another job of the same delivery is here too
		}
		answer(i, b, err)
	}
}

func (a *asker) runBlocked(ids []dedup.ID, answer func(int, bool, error)) {
	ctx, cancel := context.WithTimeout(a.given, askTimeout)
	defer cancel()
	blocked, err := a.store.Blocked(ctx, ids)
	waits := make(map[dedup.ID]bool, len(blocked))
	for _, id := range blocked {
		waits[id] = true
	}
	for i, id := range ids {
		answer(i, waits[id], err)
	}
}

func (a *asker) runFinish(results []delivery.Result, answer func(int, struct{}, error)) {
	err := a.finishOnce(results)
	if err == nil {
		for i := range results {
			answer(i, struct{}{}, nil)
		}
		return
	}
	if a.kept.Add(int64(len(results))) == int64(len(results)) {
		a.log.Warn("results of attempts can't be stored, they are kept and stored when the database is back", "error", err)
	}
	// Not in the lane: results that can't be stored must not hold up those that can.
	go a.finishLater(results, func(i int, err error) {
		if a.kept.Add(-1) == 0 && err == nil {
			a.log.Info("results of attempts that could not be stored are stored now")
		}
		answer(i, struct{}{}, err)
	})
}

// finishLater tells the store until it has the results. After some failures the halves go on alone.
func (a *asker) finishLater(results []delivery.Result, answer func(int, error)) {
	pause := finishPause
	for try := 1; ; try++ {
		wait(a.given, pause)
		pause = min(2*pause, longestPause)
		err := a.finishOnce(results)
		switch {
		case err == nil || a.given.Err() != nil:
			a.answerAll(results, err, answer)
			return
		case try == triesTogether && len(results) > 1:
			half := len(results) / 2
			go a.finishLater(results[:half], answer)
			a.finishLater(results[half:], func(i int, err error) { answer(half+i, err) })
			return
		}
	}
}

func (a *asker) finishOnce(results []delivery.Result) error {
	ctx, cancel := context.WithTimeout(a.given, askTimeout)
	defer cancel()
	return a.store.Finish(ctx, results)
}

func (a *asker) answerAll(results []delivery.Result, err error, answer func(int, error)) {
	if err != nil {
		a.log.Error("results of attempts are lost with the stop: their deliveries will be attempted again",
			"results", len(results), "error", err)
	}
	for i := range results {
		answer(i, err)
	}
}

// wait waits for d and reports whether it got that far before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

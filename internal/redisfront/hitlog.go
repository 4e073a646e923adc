package redisfront

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

var errNoLedger = errors.New("the database's id is not known yet")

// Append implements [dedup.HitLog] with one pipeline, within Timeout. It answers [dedup.ErrHitsToLedger] in embedded mode,
// while Redis is left out or the ledger's id is not known, when a source has reached the cap, and for hits too large for
// Redis. A hit counts as stored only once its stream is registered where readers look.
//
// The cap is soft: it is looked at before a batch, and others append too.
func (f *Front) Append(ctx context.Context, hits []dedup.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	a, err := f.prepare(ctx, hits)
	if err != nil {
		return err
	}
	return f.appended(a, f.run(ctx, f.opts.Timeout, a.cmds))
}

// appending is one call of Append: the registrations that are missing, an XADD for each hit, an XLEN for each stream.
type appending struct {
	ledger  string
	hits    int
	cmds    []redis.Cmder
	streams []*stream // whose XLEN are the last of cmds, in order
}

func (f *Front) prepare(ctx context.Context, hits []dedup.Hit) (*appending, error) {
	ledger := f.ledger()
	if ledger == "" || f.breaker.isOpen() {
		return nil, dedup.ErrHitsToLedger
	}
	a := &appending{ledger: ledger, hits: len(hits)}
	size := 0
	for i := range hits {
		n := hitSize(&hits[i])
		if n > maxHit {
			return nil, fmt.Errorf("%w: hit of %d bytes", dedup.ErrHitsToLedger, n)
		}
		size += n
	}
	full, missing, of := f.gather(a, hits)
	if len(full) > 0 {
		if err := f.recount(ctx, full); err != nil {
			return nil, err
		}
	}
	a.cmds = make([]redis.Cmder, 0, len(missing)+len(hits)+len(a.streams))
	if len(missing) > 0 {
		a.cmds = append(a.cmds, registration(ctx, ledger, missing))
	}
	a.addHits(ctx, hits, of, size)
	for _, st := range a.streams {
		a.cmds = append(a.cmds, redis.NewIntCmd(ctx, "xlen", st.arg))
	}
	return a, nil
}

// gather finds the streams of the hits: those they go to, those of them that are full, those not registered, and for each
// hit its own.
func (f *Front) gather(a *appending, hits []dedup.Hit) (full, missing, of []*stream) {
	s := &f.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter(a.ledger)
	of = make([]*stream, len(hits))
	for i := range hits {
		of[i] = s.get(hits[i].Source)
		if !slices.Contains(a.streams, of[i]) {
			a.streams = append(a.streams, of[i])
		}
	}
	for _, st := range a.streams {
		if st.length >= f.opts.HitsCap {
			full = append(full, st)
		}
		if !st.registered {
			missing = append(missing, st)
		}
	}
	return full, missing, of
}

// addHits makes the XADDs. All hits are parts of one string, given by address as claims' values are.
func (a *appending) addHits(ctx context.Context, hits []dedup.Hit, of []*stream, size int) {
	const words = 5
	text := make([]byte, 0, size)
	ends := make([]int, len(hits))
	for i := range hits {
		text = appendHit(text, &hits[i])
		ends[i] = len(text)
	}
	all, start := string(text), 0
	values := make([]string, len(hits))
	args := make([]any, 0, words*len(hits))
	for i := range hits {
		values[i] = all[start:ends[i]]
		start = ends[i]
		args = append(args, "xadd", of[i].arg, "*", hitField, &values[i])
		a.cmds = append(a.cmds, redis.NewStringCmd(ctx, args[len(args)-words:len(args):len(args)]...))
	}
}

// recount asks, once a second, whether full streams have room again: somebody else may have drained them.
func (f *Front) recount(ctx context.Context, full []*stream) error {
	now := f.opts.Now()
	f.streams.mu.Lock()
	due := true
	for _, st := range full {
		due = due && now.Sub(st.counted) >= recountEvery
	}
	for _, st := range full {
		if due {
			st.counted = now
		}
	}
	f.streams.mu.Unlock()
	if !due {
		return dedup.ErrHitsToLedger
	}
	limited, cancel := context.WithTimeout(ctx, f.opts.Timeout)
	defer cancel()
	lengths, err := f.lengths(limited, full)
	if err != nil {
		return fmt.Errorf("%w: %w", dedup.ErrHitsToLedger, err)
	}
	f.streams.mu.Lock()
	defer f.streams.mu.Unlock()
	for i, st := range full {
		st.length = lengths[i]
		if st.length >= f.opts.HitsCap {
			err = dedup.ErrHitsToLedger
		}
	}
	return err
}

// appended says what became of the hits, given the error of the whole pipeline, and remembers what it told of the streams.
func (f *Front) appended(a *appending, err error) error {
	if err == nil {
		err = firstError(a.cmds)
	}
	f.account(a, err == nil)
	if err != nil {
		return fmt.Errorf("append %d hits: %w", a.hits, err)
	}
	return nil
}

// account remembers what the pipeline told of its streams.
func (f *Front) account(a *appending, stored bool) {
	s := &f.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger != a.ledger {
		return
	}
	lengths := a.cmds[len(a.cmds)-len(a.streams):]
	for i, st := range a.streams {
		st.registered = st.registered || stored
		if n, err := number(lengths[i]); stored && err == nil {
			st.length = n
		}
	}
	s.wake() // after an error too: some may have been stored
}

package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The times of probing: a mark counts while a probe that began less than freshFor ago has succeeded.
const (
	probeEvery   = 300 * time.Millisecond
	probeTimeout = 900 * time.Millisecond
	freshFor     = time.Second
)

// probe is what was seen of the database last. The zero value has seen nothing.
type probe struct {
	last atomic.Pointer[sighting] // never nil after the first probe
	ok   atomic.Pointer[sighting] // the last that succeeded
}

type sighting struct {
	identity identity
	began    time.Time // monotonic
	since    time.Time // when a probe first went as this one, good or bad
	err      error
}

// Incarnation implements [dedup.Ledger].
func (l *Ledger) Incarnation() (inc dedup.Incarnation, fresh bool) {
	s := l.probe.ok.Load()
	if s == nil {
		return dedup.Incarnation{}, false
	}
	return s.identity.incarnation, time.Since(s.began) < freshFor
}

// ID names the database, the same in all its incarnations: up to 64 letters and digits, "" while it is not known.
func (l *Ledger) ID() string {
	if s := l.probe.ok.Load(); s != nil {
		return s.identity.name
	}
	return ""
}

// Ready returns nil while the database takes writes, as the last probe saw it less than a second ago. It does not wait.
func (l *Ledger) Ready() error {
	if _, fresh := l.Incarnation(); fresh {
		return nil
	}
	s := l.probe.last.Load()
	if s == nil || s.err == nil {
		return errNotProbed
	}
	return s.err
}

// State is how the database was seen last.
type State struct {
	Up    bool
	Since time.Time // of the last change; zero before the first probe
	Err   error     // why it can't be used; nil while it can
}

// State says whether the database takes writes, since when and why not. It does not wait.
func (l *Ledger) State() State {
	last, err := l.probe.last.Load(), l.Ready()
	switch {
	case last == nil:
		return State{Err: err}
	case err != nil && last.err == nil: // probes hang
		return State{Since: last.began.Add(freshFor), Err: err}
	default:
		return State{Up: err == nil, Since: last.since, Err: err}
	}
}

var (
	errNotProbed = errors.New("the database has not been asked yet, or did not answer in time")
	errReadOnly  = errors.New("the database takes no writes: it is read-only or a standby")
)

// watch probes until ctx ends. It logs changes only.
func (l *Ledger) watch(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		l.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look probes once. When the database has become another one, the pool's connections are replaced, so that what commits
// from now on carries the new incarnation.
func (l *Ledger) look(ctx context.Context) {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	s := &sighting{began: time.Now()}
	s.identity, s.err = l.dialect.identify(probing, l)
	if ctx.Err() != nil {
		return
	}
	before, lastGood := l.probe.last.Load(), l.probe.ok.Load()
	s.since = s.began
	if before != nil && (before.err == nil) == (s.err == nil) {
		s.since = before.since
	}
	l.probe.last.Store(s)
	if s.err == nil {
		l.probe.ok.Store(s)
	}
	l.logSighting(s, before)
	if s.err == nil && lastGood != nil && lastGood.identity != s.identity {
		l.log.Warn("this is another database than before, or another life of it: marks made before no longer count")
		l.dialect.reconnect(l)
	}
}

func (l *Ledger) logSighting(s, before *sighting) {
	switch failedBefore := before != nil && before.err != nil; {
	case s.err != nil && !failedBefore:
		l.log.Warn("the database can't be used", slog.Any("error", s.err))
	case s.err == nil && failedBefore:
		l.log.Info("the database is back")
	}
}

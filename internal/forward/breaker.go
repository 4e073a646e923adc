package forward

import (
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Breaker says when attempts to a destination are not worth making.
type Breaker struct {
	// Failures in a row open it. Default 10. A failure is no answer in time, a 5xx, a 408 or a 429.
	Failures uint
	// Wait is how long it stays open before one attempt may try again. Default 15 s.
	Wait time.Duration
}

// BreakerState is what a breaker lets pass.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // attempts are made
	BreakerOpen     BreakerState = "open"      // none is made
	BreakerHalfOpen BreakerState = "half_open" // one is made, to see
)

// breaker is a destination's circuit breaker, of this process alone. It is safe for concurrent use.
type breaker struct {
	circuit circuitbreaker.CircuitBreaker[any]
	recheck time.Duration // how long to wait while another attempt finds out
}

func newBreaker(b Breaker, changed func(BreakerState)) *breaker {
	circuit := circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(b.Failures).
		WithSuccessThreshold(1).
		WithDelay(b.Wait).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) { changed(breakerState(e.NewState)) }).
		Build()
	return &breaker{circuit: circuit, recheck: min(b.Wait, time.Second)}
}

func breakerState(s circuitbreaker.State) BreakerState {
	switch s {
	case circuitbreaker.OpenState:
		return BreakerOpen
	case circuitbreaker.HalfOpenState:
		return BreakerHalfOpen
	default:
		return BreakerClosed
	}
}

func (b *breaker) state() BreakerState { return breakerState(b.circuit.State()) }

// remaining is how long no attempt is worth making for certain.
func (b *breaker) remaining() time.Duration { return b.circuit.RemainingDelay() }

// permit is the leave to make one attempt: record or hand it back.
type permit struct {
	b     *breaker
	probe bool // it is the one attempt of a half-open breaker
	used  bool
}

// admit gives a permit, or the time after which it is worth asking again.
func (b *breaker) admit() (p permit, after time.Duration) {
	probe := !b.circuit.IsClosed()
	if !b.circuit.TryAcquirePermit() {
		return permit{}, max(b.circuit.RemainingDelay(), b.recheck)
	}
	return permit{b: b, probe: probe}, 0
}

// record tells how the attempt went.
func (p *permit) record(well bool) {
	p.used = true
	if well {
		p.b.circuit.RecordSuccess()
	} else {
		p.b.circuit.RecordFailure()
	}
}

// handBack gives up a permit, unless it was used; the next one to ask may try.
func (p *permit) handBack() {
	if !p.used && p.probe && p.b.circuit.IsHalfOpen() {
		p.b.circuit.Open()
		p.b.circuit.HalfOpen()
	}
}

package deduptest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Outage is a claimer and a hit log that can go away and come back, as Redis does. It starts awake and changes from one
// call to the next; a call under way keeps the behaviour it began with, but [Outage.Wake] ends a hang. Safe for
// concurrent use.
//
// Like every claimer it keeps a time budget: a call that gets no answer within Budget fails, whatever its context allows.
type Outage struct {
	Claimer dedup.Claimer
	HitLog  dedup.HitLog
	Budget  time.Duration

	mu    sync.Mutex
	mode  outageMode
	delay time.Duration
	woken chan struct{} // closed by Wake
}

type outageMode uint8

const (
	awake outageMode = iota
	failing
	hanging
	slow
	losingReplies
)

// ErrOutage is what a store that is away answers; nobody but tests needs to know it.
var ErrOutage = errors.New("the store is away (a test took it away)")

var (
	_ dedup.Claimer = (*Outage)(nil)
	_ dedup.HitLog  = (*Outage)(nil)
)

// NewOutage wraps a claimer and a hit log, either of which may be nil if it is not called. The budget is 50 ms.
func NewOutage(c dedup.Claimer, h dedup.HitLog) *Outage {
	return &Outage{Claimer: c, HitLog: h, Budget: 50 * time.Millisecond, woken: make(chan struct{})}
}

// Fail makes every call fail at once, its work not done.
func (o *Outage) Fail() { o.turn(failing, 0) }

// Hang makes every call wait until its budget, its context or the hang ends; its work is not done unless it is woken in time.
func (o *Outage) Hang() { o.turn(hanging, 0) }

// Sleep makes every call's work begin d later; past the budget it is not done.
func (o *Outage) Sleep(d time.Duration) { o.turn(slow, d) }

// LoseReplies does every call's work and then fails the call.
func (o *Outage) LoseReplies() { o.turn(losingReplies, 0) }

// Wake ends every outage.
func (o *Outage) Wake() { o.turn(awake, 0) }

func (o *Outage) turn(m outageMode, delay time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.woken) // whoever hangs looks again
	o.woken = make(chan struct{})
	o.mode, o.delay = m, delay
}

func (o *Outage) now() (m outageMode, delay time.Duration, turned <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mode, o.delay, o.woken
}

// Claim implements [dedup.Claimer].
func (o *Outage) Claim(ctx context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	var replies []dedup.ClaimReply
	err := o.do(ctx, func() error {
		replies = o.Claimer.Claim(ctx, reqs)
		return nil
	})
	if err != nil {
		replies = make([]dedup.ClaimReply, len(reqs))
		degrade(replies)
	}
	return replies
}

// Settle implements [dedup.Claimer].
func (o *Outage) Settle(ctx context.Context, marks []dedup.Settlement) error {
	return o.do(ctx, func() error { return o.Claimer.Settle(ctx, marks) })
}

// Append implements [dedup.HitLog].
func (o *Outage) Append(ctx context.Context, hits []dedup.Hit) error {
	return o.do(ctx, func() error { return o.HitLog.Append(ctx, hits) })
}

func (o *Outage) do(ctx context.Context, work func() error) error {
	ctx, cancel := context.WithTimeout(ctx, o.Budget)
	defer cancel()
	for {
		mode, delay, turned := o.now()
		switch mode {
		case awake:
		case failing:
			return ErrOutage
		case losingReplies:
			return errors.Join(ErrOutage, work())
		case hanging:
			select {
			case <-turned:
				continue
			case <-ctx.Done():
				return fmt.Errorf("%w: %w", ErrOutage, ctx.Err())
			}
		case slow:
			timer := time.NewTimer(delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return fmt.Errorf("%w: %w", ErrOutage, ctx.Err())
			}
		}
		return work()
	}
}

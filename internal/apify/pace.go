package apify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// firstBackoff is what Apify asks clients to start with; each further wait is twice as long.
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// maxRetryAfter is the longest wait that an answer can ask for; beyond it the call fails and its caller comes later.
	maxRetryAfter = 2 * time.Minute
)

// backoff is the wait after the failed try of that number, counted from 1: doubled each time, with a half of it left to
// chance, so that clients which failed together don't come back together.
func backoff(try int) time.Duration {
	wait := min(firstBackoff<<min(try-1, 10), maxBackoff)
	return wait/2 + rand.N(wait/2+1)
}

// retryAfter reads the header of a refused try: seconds or a date, 0 for anything else. It is negative for a wait that is
// too long to be waited for.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = max(0, at.Sub(now))
	}
	if wait > maxRetryAfter {
		return -1
	}
	return wait
}

// pace spaces the calls of a client, and holds all of them back together when Apify asks for it.
type pace struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time // when the next call may start
}

// wait returns when the caller may make its call, or ctx's error. It gives up at once when ctx would end before.
func (p *pace) wait(ctx context.Context) error {
	start := p.reserve(time.Now())
	wait := time.Until(start)
	if wait <= 0 {
		return ctx.Err()
	}
	if end, ok := ctx.Deadline(); ok && end.Before(start) {
		return fmt.Errorf("%w: the next call may start in %s", context.DeadlineExceeded, wait.Round(time.Millisecond))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pace) reserve(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := now
	if p.next.After(now) {
		start = p.next
	}
	p.next = start.Add(p.every)
	return start
}

// pause keeps new calls from starting for a while.
func (p *pace) pause(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(wait); until.After(p.next) {
		p.next = until
	}
}

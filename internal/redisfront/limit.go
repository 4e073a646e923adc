package redisfront

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/quota"
)

// Rates are the limits of a [Limiter]. A quota of zero is no limit.
type Rates struct {
	Sources map[string]quota.Quota // by name
	Client  quota.Quota            // of each address
}

func (r *Rates) on() bool {
	if r == nil {
		return false
	}
	for _, q := range r.Sources {
		if !q.IsZero() {
			return true
		}
	}
	return !r.Client.IsZero()
}

// Limiter counts what needs the ledger, by source and by client, over all gateways on one Redis. While Redis is left out,
// or does not answer in time, each gateway counts alone, and lets as much pass as all of them together should: a rate that
// is exceeded for a while does less harm than events that are kept out. Safe for concurrent use.
type Limiter struct {
	front *Front
	rates atomic.Pointer[Rates]
	alone *quota.Local
}

var _ dedup.Limiter = (*Limiter)(nil)

// aloneKeys is how many sources and addresses a gateway remembers while it counts alone.
const aloneKeys = 10_000

// NewLimiter makes a limiter without limits.
func (f *Front) NewLimiter() *Limiter {
	return &Limiter{front: f, alone: quota.NewLocal(aloneKeys)}
}

// SetRates changes the limits, from the next batch on. What was charged so far stays charged.
func (l *Limiter) SetRates(r Rates) {
	if !r.on() {
		l.rates.Store(nil)
		return
	}
	l.rates.Store(&r)
}

// On implements [dedup.Limiter].
func (l *Limiter) On() bool { return l.rates.Load() != nil }

// Allow implements [dedup.Limiter]. Clients are asked first, and only who passes there is charged to its source: a flood
// from one address uses up nobody else's share. Each takes one pipeline for the whole batch.
func (l *Limiter) Allow(ctx context.Context, batch []*dedup.Inbound) []time.Duration {
	rates := l.rates.Load()
	if rates == nil {
		return nil
	}
	waits := make([]time.Duration, len(batch))
	if !rates.Client.IsZero() {
		l.charge(ctx, batch, waits, func(in *dedup.Inbound) (string, quota.Quota) {
			return "client:" + quota.Address(in.RemoteIP), rates.Client
		})
	}
	l.charge(ctx, batch, waits, func(in *dedup.Inbound) (string, quota.Quota) {
		return "source:" + in.Key.Source, rates.Sources[in.Key.Source]
	})
	return waits
}

// share is what the requests of a batch with one key want and get.
type share struct {
	key     string
	quota   quota.Quota
	wanted  int
	allowed int
	wait    time.Duration // of those that are not allowed
}

// charge asks for all requests that have to wait for nothing yet, and notes how long they have to wait after it.
func (l *Limiter) charge(ctx context.Context, batch []*dedup.Inbound, waits []time.Duration, of func(*dedup.Inbound) (string, quota.Quota)) {
	var shares []*share
	byKey, shareOf := map[string]*share{}, make([]*share, len(batch))
	for i, in := range batch {
		key, q := of(in)
		if waits[i] > 0 || q.IsZero() {
			continue
		}
		s := byKey[key]
		if s == nil {
			s = &share{key: key, quota: q}
			byKey[key], shares = s, append(shares, s)
		}
		s.wanted++
		shareOf[i] = s
	}
	if len(shares) == 0 {
		return
	}
	l.ask(ctx, shares)
	for i, s := range shareOf {
		if s == nil {
			continue
		}
		if s.allowed--; s.allowed < 0 {
			waits[i] = max(s.wait, time.Millisecond)
		}
	}
}

// ask fills in what each share gets: from Redis, else from the count that this process keeps alone.
func (l *Limiter) ask(ctx context.Context, shares []*share) {
	err := l.front.takeShares(ctx, shares)
	if err == nil {
		return
	}
	now := l.front.opts.Now()
	for _, s := range shares {
		s.allowed, s.wait = l.alone.Take(s.key, s.quota, s.wanted, now)
	}
}

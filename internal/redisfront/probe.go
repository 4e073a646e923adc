package redisfront

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// probeLoop takes Redis back in once it works again, and finds out that it doesn't when no request does.
func (f *Front) probeLoop(ctx context.Context) {
	tick := time.NewTicker(f.opts.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		leftOut := f.breaker.isOpen()
		switch err := f.probe(ctx); {
		case ctx.Err() != nil:
			return
		case leftOut && err == nil:
			f.breaker.reset()
		case leftOut:
			f.breaker.trip(err)
		case err != nil:
			f.breaker.failed(err)
		}
	}
}

// probe asks whether Redis is of use: every server must answer, which may take as long as connecting does, and then a
// command of the form of a claim must be served within the budget of one. It is a write: a full or read-only server
// answers every PING.
func (f *Front) probe(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := f.eachServer(patient, func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() }); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	limited, cancel := context.WithTimeout(patient, f.opts.Timeout)
	defer cancel()
	err := f.redis.Do(limited, "set", probeKey, "", "nx", "get", "px", 1000).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// eachServer calls fn for every server that takes writes, concurrently in a cluster, and returns the first error.
func (f *Front) eachServer(ctx context.Context, fn func(context.Context, *redis.Client) error) error {
	switch c := f.redis.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, fn)
	case *redis.Client:
		return fn(ctx, c)
	default:
		return fmt.Errorf("unknown kind of client %T", c)
	}
}

package redisfront

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Front is the claimer, the hit log and a reader of that log on one Redis. Safe for concurrent use.
type Front struct {
	opts     Options
	redis    redis.UniversalClient
	embedded *embedded // nil unless ModeEmbedded
	breaker  *breaker
	streams  streams
	readers  readers
	reader   *Reader // the front's own

	consumerIdle time.Duration // constant, but for tests

	stop  context.CancelFunc
	loops sync.WaitGroup
	once  sync.Once
	err   error // of closing
}

// Open makes a front. It fails only for options that make no sense; Redis being away at start means that it is left out
// until a probe finds it. Open waits for Redis for a second at most. Close it to free what it holds.
//
// go-redis' own log, which is one for the whole process, is silenced.
func Open(ctx context.Context, opts Options) (*Front, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts.setDefaults()
	redis.SetLogger(silence{})
	f := &Front{opts: opts, consumerIdle: consumerIdle, breaker: newBreaker(opts.Log, opts.Now)}
	var dial dialer
	if opts.Mode == ModeEmbedded {
		var err error
		if f.embedded, err = startEmbedded(opts.Log); err != nil {
			return nil, err
		}
		dial = f.embedded.dial
	}
	f.redis = newClient(&f.opts, dial)
	f.reader = f.NewReader()
	if err := f.probe(ctx); err != nil {
		f.breaker.trip(err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.loops.Go(func() { f.probeLoop(background) })
	if f.embedded != nil {
		f.loops.Go(func() { f.embedded.run(background, f.redis) })
	}
	return f, nil
}

// Degraded reports whether Redis is left out.
func (f *Front) Degraded() bool { return f.breaker.isOpen() }

// State says whether Redis takes part, since when and why not.
func (f *Front) State() State {
	s := f.breaker.state()
	s.Embedded = f.embedded != nil
	return s
}

// Close signs the readers off, stops the loops and closes the connections. Calls under way fail as they do when Redis goes
// away. Closing twice does nothing.
func (f *Front) Close() error {
	f.once.Do(func() {
		f.stop()
		f.loops.Wait()
		f.signOff()
		f.err = f.redis.Close()
		if f.embedded != nil {
			f.embedded.close()
		}
	})
	return f.err
}

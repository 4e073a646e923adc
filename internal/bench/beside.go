package main

import (
	"context"
	"errors"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

// What a retry storm must not do to first deliveries.
const (
	besideRepeats = 100_000.0 / 60 // a second
	besideFirst   = 200            // a second
	barBeside     = 100 * time.Millisecond
)

// besideStorm measures first deliveries while repeats storm in on connections of their own.
func (s *stage) besideStorm(ctx context.Context, f *findings) error {
	type outcome struct {
		result *load.Result
		err    error
	}
	repeats := make(chan outcome, 1)
	go func() {
		r, err := load.Run(ctx, load.Plan{
			Target: s.gateway.target, Body: s.opts.body, Connections: s.opts.connections, Pick: load.Among(0, s.opts.distinct),
			Duration: s.opts.duration, Rate: besideRepeats,
		})
		repeats <- outcome{r, err}
	}()
	p, err := s.first(ctx, firstBesideStorm, s.gateway, load.Plan{Duration: s.opts.duration, Rate: besideFirst})
	storm := <-repeats
	if err = errors.Join(err, storm.err); err != nil {
		return err
	}
	s.want.repeat(int64(storm.result.Answered()))
	if err = s.awaitReceipts(ctx); err != nil {
		return err
	}
	f.Phases = append(f.Phases, p)
	repeated := phase{Kind: firstBesideStorm, Result: storm.result}
	return errors.Join(repeated.unclean(), repeated.outcomes("duplicate"), s.balance(ctx, f, string(firstBesideStorm)))
}

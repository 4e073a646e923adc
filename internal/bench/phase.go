package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

// kind says what a phase sends and to whom.
type kind string

// The kinds of phases, by the names they have in tables.
const (
	bareRequests   kind = "bare"
	naiveFirst     kind = "naive, first"
	naiveRepeats   kind = "naive, repeats"
	gatewayFirst   kind = "gateway, first"
	gatewayRepeats kind = "gateway, repeats"
	halfFirst      kind = "gateway, first, at half the maximum"
	halfRepeats    kind = "gateway, repeats, at half the maximum"
	gatewayStorm   kind = "gateway, storm of repeats"
	fullBare       kind = "bare, beside long tables"
	fullFirst      kind = "gateway, first, long tables"

	firstBesideStorm kind = "gateway, 200 first/s beside a storm"

	forwardingFirst kind = "gateway, first, handing on"
	wakingUp        kind = "gateway, 50 events/s, handing on"
	warmingUp       kind = "warming up"
)

// phase is one run of the load generator and what came of it.
type phase struct {
	Kind    kind
	Result  *load.Result
	Usage   usage
	Drained time.Duration // repeats: until every one was a receipt row, from the first request on
}

// measure runs one phase and tells it on standard error. Every phase starts behind a checkpoint, so that none pays for the
// writes of the one before.
func (s *stage) measure(ctx context.Context, k kind, c *contender, plan load.Plan) (phase, error) {
	if _, err := s.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return phase{}, fmt.Errorf("%s: %w", k, err)
	}
	plan.Target, plan.Body, plan.Connections = c.target, s.opts.body, s.opts.connections
	m, err := s.startMeter(c)
	if err != nil {
		return phase{}, fmt.Errorf("%s: %w", k, err)
	}
	p := phase{Kind: k}
	if p.Result, err = load.Run(ctx, plan); err != nil {
		return p, fmt.Errorf("%s: %w", k, err)
	}
	if p.Usage, err = m.stop(); err != nil {
		return p, fmt.Errorf("%s: %w", k, err)
	}
	fmt.Fprintf(os.Stderr, "%-40s %8.0f/s  p50 %v  p99 %v\n", k, p.Result.Rate(),
		round(p.Result.Latency.Quantile(0.5)), round(p.Result.Latency.Quantile(0.99)))
	return p, p.unclean()
}

// unclean is an error when not every request was answered 200: such a rate can't be compared.
func (p *phase) unclean() error {
	if p.Result.Failed == 0 && len(p.Result.Statuses) == 1 && p.Result.Answered() > 0 {
		return nil
	}
	return errors.Join(p.Result.LastFailure, fmt.Errorf("%s: not every request was answered 200: statuses %v, %d without an answer",
		p.Kind, p.Result.Statuses, p.Result.Failed))
}

// outcomes is an error when an answer had another outcome than the one that the requests call for.
func (p *phase) outcomes(want string) error {
	for outcome, n := range p.Result.Outcomes {
		if !strings.HasPrefix(outcome, want) {
			return fmt.Errorf("%s: %d answers say %q, want %s", p.Kind, n, outcome, want)
		}
	}
	return nil
}

// first sends events that were never told.
func (s *stage) first(ctx context.Context, k kind, c *contender, plan load.Plan) (phase, error) {
	plan.Pick = load.From(s.next)
	p, err := s.measure(ctx, k, c, plan)
	if err != nil {
		return p, err
	}
	s.next += p.Result.Latency.Count()
	if c == s.gateway {
		s.want.tell(int64(p.Result.Answered()))
	}
	return p, p.outcomes("new")
}

// repeats sends the events told first of all again and again, each as the sender's retry. For the gateway it then waits
// until all of them are receipts.
func (s *stage) repeats(ctx context.Context, k kind, c *contender, plan load.Plan) (phase, error) {
	plan.Pick = load.Among(0, s.opts.distinct)
	start := time.Now()
	p, err := s.measure(ctx, k, c, plan)
	if err != nil {
		return p, err
	}
	if c == s.gateway {
		s.want.repeat(int64(p.Result.Answered()))
		sending := time.Since(start) - p.Result.Elapsed // connecting and the checkpoint are not the gateway's
		if err = s.awaitReceipts(ctx); err != nil {
			return p, err
		}
		p.Drained = time.Since(start) - sending
	}
	return p, p.outcomes("duplicate")
}

// DrainedRate is the number of repeats a second until every one was a receipt row.
func (p *phase) DrainedRate() float64 { return float64(p.Result.Answered()) / p.Drained.Seconds() }

// round cuts a latency to three digits or so.
func round(d time.Duration) time.Duration {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	default:
		return d.Round(time.Microsecond)
	}
}

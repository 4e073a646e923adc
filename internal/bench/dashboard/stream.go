package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

const (
	stormConnections = 64
	// stormEvents are told again and again.
	stormEvents = 10_000
)

// streamCost holds the rates of storms: each with a stream comes right after one without.
type streamCost struct{ without, with []float64 }

// report tells the median change and how far half of the changes are spread: what is below that spread nobody can tell.
func (c streamCost) report(out io.Writer) {
	changes := make([]float64, len(c.with))
	for i := range c.with {
		changes[i] = 100 * (c.with[i]/c.without[i] - 1)
	}
	slices.Sort(changes)
	fmt.Fprintf(out, "\nrepeats answered a second: %.0f without a stream, %.0f with one (medians of %d rounds)\n",
		median(c.without), median(c.with), len(changes))
	fmt.Fprintf(out, "change from one to the other: %+.1f %%, half of the rounds between %+.1f and %+.1f %% (bar: above -2 %%)\n",
		median(changes), changes[len(changes)/4], changes[3*len(changes)/4])
}

// measureStream lets storms of repeats come, every other one while a page shows receipts live.
func (s *stage) measureStream(ctx context.Context, rounds int, length time.Duration) (streamCost, error) {
	var with, without []float64
	if _, err := s.storm(ctx, load.Plan{Pick: load.From(0), Requests: stormEvents}); err != nil {
		return streamCost{}, err
	}
	for n := range 2 * rounds {
		open := func() (func(), error) { return func() {}, nil }
		if n%2 == 1 {
			open = func() (func(), error) { return s.openStream(ctx) }
		}
		shut, err := open()
		if err != nil {
			return streamCost{}, err
		}
		rate, err := s.storm(ctx, load.Plan{Pick: load.Among(0, stormEvents), Duration: length})
		shut()
		if err != nil {
			return streamCost{}, err
		}
		fmt.Fprintf(os.Stderr, "storm %d, a stream open: %v, %.0f a second\n", n+1, n%2 == 1, rate)
		if n%2 == 1 {
			with = append(with, rate)
		} else {
			without = append(without, rate)
		}
	}
	return streamCost{without, with}, nil
}

func (s *stage) storm(ctx context.Context, plan load.Plan) (rate float64, err error) {
	body, err := load.Body("small")
	if err != nil {
		return 0, err
	}
	plan.Target = load.Target{Addr: s.gateway.PublicAddr(), Path: "/webhooks/apify?token=" + sourceToken}
	plan.Body, plan.Connections = body, stormConnections
	r, err := load.Run(ctx, plan)
	if err == nil && r.Failed > 0 {
		err = fmt.Errorf("%d requests failed: %w", r.Failed, r.LastFailure)
	}
	if err != nil {
		return 0, err
	}
	return r.Rate(), nil
}

// openStream reads the stream until it is shut, and waits for its end.
func (s *stage) openStream(ctx context.Context) (shut func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.gateway.AdminAddr()+"/api/v1/stream", http.NoBody)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := new(http.Client).Do(req) //nolint:bodyclose // closed by who reads it
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.Join(errors.New(res.Status), res.Body.Close())
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, res.Body) // ends when it is shut
		_ = res.Body.Close()
	}()
	return func() { cancel(); <-ended }, nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

// warmUp is how long each contender is called before anything counts.
const warmUp = 2 * time.Second

// findings is everything that a run of the bench has measured.
type findings struct {
	Machine    machine
	Phases     []phase // in the order in which they ran
	RedisBytes float64 // a settled event
	Settled    uint64
	Storm      memory
	Forwarding forwarding
	Rows       int64    // in each table before the last phases; 0 when they were left out
	Imbalances []string // differences between tables and requests
}

// perform runs all phases.
func (s *stage) perform(ctx context.Context) (*findings, error) {
	f := &findings{}
	var err error
	if f.Machine, err = s.describe(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, *findings) error{
		s.settle, s.warm, s.rounds, s.halves, s.storm, s.besideStorm, s.forwarded, s.fill,
	} {
		if err = step(ctx, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// settle tells the first events, by which Redis's memory is measured, to the gateway and to the naive yardstick.
func (s *stage) settle(ctx context.Context, f *findings) error {
	before, err := s.redisBytes(ctx)
	if err != nil {
		return err
	}
	p, err := s.first(ctx, "settling", s.gateway, load.Plan{Requests: s.opts.settled})
	if err != nil {
		return err
	}
	after, err := s.redisBytes(ctx)
	if err != nil {
		return err
	}
	f.Settled = p.Result.Answered()
	f.RedisBytes = float64(after-before) / float64(f.Settled)
	_, err = s.measure(ctx, "settling, naive", s.naive, load.Plan{Requests: s.opts.distinct, Pick: load.From(0)})
	return err
}

func (s *stage) warm(ctx context.Context, f *findings) error {
	plan := load.Plan{Duration: warmUp}
	if _, err := s.first(ctx, warmingUp, s.bare, plan); err != nil {
		return err
	}
	if _, err := s.first(ctx, warmingUp, s.naive, plan); err != nil {
		return err
	}
	if _, err := s.repeats(ctx, warmingUp, s.gateway, plan); err != nil {
		return err
	}
	return s.balance(ctx, f, "warming up")
}

// rounds measures the maxima. Every phase of the gateway lies between two of the bare yardstick.
func (s *stage) rounds(ctx context.Context, f *findings) error {
	type turn struct {
		kind kind
		to   *contender
		send func(context.Context, kind, *contender, load.Plan) (phase, error)
	}
	bare := turn{bareRequests, s.bare, s.first}
	plan := load.Plan{Duration: s.opts.duration}
	var turns []turn
	for range s.opts.rounds {
		turns = append(turns, bare, turn{gatewayFirst, s.gateway, s.first}, bare, turn{gatewayRepeats, s.gateway, s.repeats}, bare,
			turn{naiveFirst, s.naive, s.first}, turn{naiveRepeats, s.naive, s.repeats})
	}
	for _, t := range turns {
		p, err := t.send(ctx, t.kind, t.to, plan)
		if err != nil {
			return err
		}
		f.Phases = append(f.Phases, p)
		if t.to == s.gateway {
			if err = s.balance(ctx, f, string(t.kind)); err != nil {
				return err
			}
		}
	}
	return nil
}

// halves measures latency at half of what the gateway can do at most.
func (s *stage) halves(ctx context.Context, f *findings) error {
	plan := load.Plan{Duration: s.opts.duration, Rate: f.mean(gatewayFirst) / 2}
	first, err := s.first(ctx, halfFirst, s.gateway, plan)
	if err != nil {
		return err
	}
	plan.Rate = f.mean(gatewayRepeats) / 2
	repeats, err := s.repeats(ctx, halfRepeats, s.gateway, plan)
	if err != nil {
		return err
	}
	f.Phases = append(f.Phases, first, repeats)
	return s.balance(ctx, f, "the phases at half the maximum")
}

// storm watches the gateway's memory while repeats come as fast as they get answered.
func (s *stage) storm(ctx context.Context, f *findings) error {
	watching, done := context.WithCancel(ctx)
	defer done()
	samples := make(chan []int64, 1)
	go func() { samples <- watchMemory(watching, s.gateway.pid()) }()
	p, err := s.repeats(ctx, gatewayStorm, s.gateway, load.Plan{Duration: s.opts.storm})
	done()
	f.Storm = newMemory(<-samples)
	if err != nil {
		return err
	}
	f.Phases = append(f.Phases, p)
	return s.balance(ctx, f, "the storm")
}

// fill measures first deliveries again with long tables.
func (s *stage) fill(ctx context.Context, f *findings) error {
	if s.opts.events == 0 {
		return nil
	}
	fmt.Fprintf(os.Stderr, "putting %d rows into each table; this takes a while\n", s.opts.events)
	if err := s.preload(ctx, s.opts.events); err != nil {
		return err
	}
	var err error
	if s.want, err = s.readBooks(ctx); err != nil {
		return err
	}
	f.Rows = s.want.Events
	plan := load.Plan{Duration: s.opts.duration}
	for range s.opts.rounds {
		for _, c := range []*contender{s.bare, s.gateway, s.bare} {
			k := fullBare
			if c == s.gateway {
				k = fullFirst
			}
			p, err := s.first(ctx, k, c, plan)
			if err != nil {
				return err
			}
			f.Phases = append(f.Phases, p)
		}
	}
	return s.balance(ctx, f, "the phases with long tables")
}

func (s *stage) balance(ctx context.Context, f *findings, after string) error {
	difference, err := s.checkBooks(ctx, after)
	if difference != "" {
		f.Imbalances = append(f.Imbalances, difference)
	}
	return err
}

// redisBytes is all the memory that Redis has given out.
func (s *stage) redisBytes(ctx context.Context) (int64, error) {
	info, err := s.memory.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("ask Redis for its memory: %w", err)
	}
	return strconv.ParseInt(infoField(info, "used_memory"), 10, 64)
}

// infoField finds a field in the answer to INFO.
func infoField(info, name string) string {
	_, rest, _ := strings.Cut(info, "\r\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

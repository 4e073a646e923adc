package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

const (
	// sinkSecret signs what goes to the sink, which does not look.
	sinkSecret = "whsec_YmVuY2gtb2YtYS10aHJvd2F3YXktZ2F0ZXdheS0x" //nolint:gosec // of a gateway that is thrown away
	// forwardingRedisDB keeps the forwarding gateway's keys apart.
	forwardingRedisDB = 2
	// sinkConcurrency is how many deliveries are under way at once: as many as senders are.
	sinkConcurrency = 64
	// wakeUpRate is how many events a second come while wake-ups are timed: few enough that each finds the forwarder asleep.
	wakeUpRate = 50
)

// forwarding is what was measured of handing events on.
type forwarding struct {
	Events    int64         // told in all, each of which became one delivery
	Delivered int64         // of them, at the end
	Rate      float64       // deliveries a second while nothing was told, from a backlog
	WakeUp    time.Duration // from the receipt of an event to the start of its first attempt, median
}

// forwarded measures a gateway that hands every event on: first deliveries while it does, then its backlog, then how soon a
// single event goes out.
func (s *stage) forwarded(ctx context.Context, f *findings) (err error) {
	sink, err := s.startYardstick(ctx, sinkName)
	if err != nil {
		return err
	}
	defer sink.stop()
	g, err := s.startForwarding(ctx, sink.target.Addr)
	if err != nil {
		return err
	}
	defer g.stop()
	h := &handing{stage: s, found: f, gateway: g}
	for _, step := range []func(context.Context) error{h.warm, h.rounds, h.wakeUps} {
		if err = step(ctx); err != nil {
			return err
		}
	}
	f.Forwarding.Events = h.told
	f.Forwarding.Delivered, err = s.delivered(ctx)
	return err
}

// handing is the part of a run in which a gateway hands events on.
type handing struct {
	*stage
	found   *findings
	gateway *contender
	told    int64 // events told to it
}

// send runs one phase and keeps it.
func (h *handing) send(ctx context.Context, k kind, c *contender, plan load.Plan) error {
	p, err := h.first(ctx, k, c, plan)
	if err != nil {
		return err
	}
	if c == h.gateway {
		h.told += int64(p.Result.Answered())
	}
	if k != warmingUp {
		h.found.Phases = append(h.found.Phases, p)
	}
	return nil
}

func (h *handing) warm(ctx context.Context) error {
	if err := h.send(ctx, warmingUp, h.gateway, load.Plan{Duration: warmUp}); err != nil {
		return err
	}
	_, err := h.drainDeliveries(ctx, h.told)
	return err
}

// rounds measures first deliveries between phases of the yardstick, which do not pay for the backlog.
func (h *handing) rounds(ctx context.Context) error {
	plan := load.Plan{Duration: h.opts.duration}
	err := h.send(ctx, bareRequests, h.bare, plan)
	for range h.opts.rounds {
		if err == nil {
			err = h.send(ctx, forwardingFirst, h.gateway, plan)
		}
		if err == nil {
			h.found.Forwarding.Rate, err = h.drainDeliveries(ctx, h.told)
		}
		if err == nil {
			err = h.send(ctx, bareRequests, h.bare, plan)
		}
	}
	return err
}

func (h *handing) wakeUps(ctx context.Context) error {
	began := time.Now()
	err := h.send(ctx, wakingUp, h.gateway, load.Plan{Duration: h.opts.duration, Rate: wakeUpRate})
	if err == nil {
		_, err = h.drainDeliveries(ctx, h.told)
	}
	if err == nil {
		h.found.Forwarding.WakeUp, err = h.wakeUp(ctx, began)
	}
	return err
}

// startForwarding serves as startGateway does, on a database of its own, with the sink as its destination.
func (s *stage) startForwarding(ctx context.Context, sink string) (*contender, error) {
	public, admin, err := twoAddresses(ctx)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`data_dir: %q
http: {listen: %q}
admin: {listen: %q, token: %q}
database: {url: %q}
redis: {mode: single, addresses: [%q], db: %d}
sources:
  - name: %s
    kind: apify
    tokens: [{value: %q}]
destinations:
  - name: sink
    url: http://%s/
    secret: %s
    concurrency: %d
    allow_http: true
    allow_private_cidrs: [127.0.0.0/8]
`, filepath.Join(s.folder, "forwarding"), public, admin, adminToken, s.postgres.DSN(forwardingName), s.redis.Addr(), forwardingRedisDB,
		sourceName, sourceToken, sink, sinkSecret, sinkConcurrency)
	path := filepath.Join(s.folder, "forwarding.yaml")
	if err = os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, s.opts.logs, forwardingName, s.opts.gateway, "serve", "--config", path)
	if err != nil {
		return nil, err
	}
	c := &contender{process: p, target: webhooksAt(public)}
	return c, c.await(ctx, "http://"+public+"/readyz")
}

// drainDeliveries waits until as many deliveries have arrived as events were told, and returns how many did so a second.
func (s *stage) drainDeliveries(ctx context.Context, told int64) (rate float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	start := time.Now()
	first, err := s.delivered(ctx)
	for have := first; err == nil; have, err = s.delivered(ctx) {
		if have >= told {
			return float64(have-first) / time.Since(start).Seconds(), nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for deliveries: %d of %d after %v: %w", have, told, drainPatience, ctx.Err())
		}
	}
	return 0, err
}

// delivered sums the counters of attempts, which costs nothing.
func (s *stage) delivered(ctx context.Context) (n int64, err error) {
	err = s.handed.QueryRow(ctx, `SELECT coalesce(sum(count), 0)::bigint FROM attempt_rollups WHERE state = 'delivered'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count deliveries: %w", err)
	}
	return n, nil
}

// wakeUp is the median, over the events received since a time, from receipt to the start of the first attempt. A delivery's
// id holds the time of receipt in milliseconds.
func (s *stage) wakeUp(ctx context.Context, since time.Time) (time.Duration, error) {
	const query = `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.started_at)::float8 * 1000 - r.ms)
FROM attempts a CROSS JOIN LATERAL (
	SELECT ('x' || substr(replace(a.delivery_id::text, '-', ''), 1, 12))::bit(48)::bigint AS ms
) r
WHERE a.number = 1 AND r.ms >= $1`
	var ms *float64
	if err := s.handed.QueryRow(ctx, query, since.UnixMilli()).Scan(&ms); err != nil {
		return 0, fmt.Errorf("time wake-ups: %w", err)
	}
	if ms == nil {
		return 0, errors.New("time wake-ups: no attempts")
	}
	return time.Duration(*ms * float64(time.Millisecond)), nil
}

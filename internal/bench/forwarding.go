package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

const (
	// sinkSecret signs what goes to the sink, which does not look.
	sinkSecret = "whsec_YmVuY2gtb2YtYS10aHJvd2F3YXktZ2F0ZXdheS0x" //nolint:gosec // of a gateway that is thrown away
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
	g, err := s.startGateway(ctx, forwardingName, forwardingRedisDB, toSink(sink.target.Addr))
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

// toSink is the configuration of a destination that sends all events to the sink.
func toSink(sink string) string {
	return fmt.Sprintf(`destinations:
  - name: sink
    url: http://%s/
    secret: %s
    concurrency: %d
    allow_http: true
    allow_private_cidrs: [127.0.0.0/8]
`, sink, sinkSecret, sinkConcurrency)
}

// drainDeliveries waits until as many deliveries have arrived as events were told, and returns how many did so a second.
func (s *stage) drainDeliveries(ctx context.Context, told int64) (rate float64, err error) {
	start := time.Now()
	first, err := s.delivered(ctx)
	if err != nil {
		return 0, err
	}
	last, err := await(ctx, "deliveries", told, s.delivered)
	return float64(last-first) / time.Since(start).Seconds(), err
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

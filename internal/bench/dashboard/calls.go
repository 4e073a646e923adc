package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The longest that 95 of 100 calls may take.
const (
	overviewBar = 50 * time.Millisecond
	callBar     = 100 * time.Millisecond
)

// call is what a page asks for.
type call struct {
	name string
	path string
	bar  time.Duration
}

// result is how long a call took, in order of length.
type result struct {
	call
	took []time.Duration
}

func (r *result) at(share float64) time.Duration {
	return r.took[min(int(share*float64(len(r.took))), len(r.took)-1)]
}

// known are things that are there to be asked for.
type known struct{ run, runSource, event, actor, busyActor string }

func (s *stage) look(ctx context.Context) (k known, err error) {
	err = s.db.QueryRow(ctx, `SELECT run_id, source, id::text, actor_id FROM events WHERE seq = 3 ORDER BY id DESC OFFSET 1000 LIMIT 1`).
		Scan(&k.run, &k.runSource, &k.event, &k.actor)
	if err == nil {
		err = s.db.QueryRow(ctx, `SELECT actor_id FROM runs GROUP BY 1 ORDER BY count(*) LIMIT 1`).Scan(&k.actor)
	}
	if err == nil {
		err = s.db.QueryRow(ctx, `SELECT actor_id FROM runs GROUP BY 1 ORDER BY count(*) DESC LIMIT 1`).Scan(&k.busyActor)
	}
	return k, err
}

func calls(k known) []call {
	var list []call
	for _, span := range []string{"15m", "1h", "6h", "12h", "24h", "7d", "30d"} {
		list = append(list, call{"overview, " + span, "/overview?since=" + span, overviewBar})
	}
	list = append(list, call{"overview, 30d, a source", "/overview?since=30d&source=shop", overviewBar})
	for _, by := range []string{"actor", "run", "dispatch"} {
		for _, span := range []string{"1h", "24h", "30d"} {
			list = append(list, call{"top " + by + ", " + span, "/top?since=" + span + "&by=" + by, callBar})
		}
	}
	for _, c := range [][2]string{
		{"windows", "/ttl"},
		{"a window", "/ttl/apify?window=36h"},
		{"a window, a type", "/ttl/apify?type=ACTOR.RUN.SUCCEEDED&window=36h"},
		{"sources", "/sources"},
		{"audit", "/audit"},
		{"config", "/config"},
		{"status", "/status"},
		{"runs", "/runs"},
		{"runs by status", "/runs?status=FAILED"},
		{"runs by id", "/runs?run_id=" + k.run},
		{"runs of a busy actor", "/runs?actor_id=" + url.QueryEscape(k.busyActor)},
		{"runs of a quiet actor", "/runs?actor_id=" + url.QueryEscape(k.actor)},
		{"runs of a week", "/runs?since=14d&until=7d"},
		{"a run", "/runs/" + k.run + "?source=" + k.runSource},
		{"events", "/events"},
		{"an event", "/events/" + k.event},
		{"an event's body", "/events/" + k.event + "/body"},
		{"receipts", "/receipts"},
		{"receipts, duplicates", "/receipts?outcome=duplicate"},
		{"receipts, late hits", "/receipts?reason=ledger_hit"},
		{"receipts of an event", "/receipts?event_id=" + k.event},
		{"receipts of a source", "/receipts?source=crm"},
		{"quarantine", "/quarantine"},
		{"deliveries", "/deliveries"},
		{"deliveries, dead", "/deliveries?state=dead"},
		{"deliveries of a week", "/deliveries?since=14d&until=7d&destination=app"},
		{"deliveries of a run", "/deliveries?run_id=" + k.run},
		{"a delivery", "/deliveries/" + k.event},
		{"destinations", "/destinations"},
		{"stuck", "/stuck"},
		{"stuck for a quarter", "/stuck?runs=15m&deliveries=15m"},
		{"stats, 24h", "/stats"},
		{"stats, 30d", "/stats?since=30d"},
	} {
		list = append(list, call{c[0], c[1], callBar})
	}
	return list
}

// measure makes each call a few times unmeasured, and then so many times.
func (s *stage) measure(ctx context.Context, n int) ([]result, error) {
	k, err := s.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for something to ask for: %w", err)
	}
	var results []result
	for _, c := range calls(k) {
		r := result{call: c}
		for i := range n + 2 {
			took, err := s.ask(ctx, c.path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if i >= 2 {
				r.took = append(r.took, took)
			}
		}
		slices.Sort(r.took)
		results = append(results, r)
	}
	return results, nil
}

// ask makes one call and takes the time to the last byte of its answer.
func (s *stage) ask(ctx context.Context, path string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.gateway.AdminAddr()+"/api/v1"+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	began := time.Now()
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(res.Body)
	took := time.Since(began)
	if err = errors.Join(err, res.Body.Close()); err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", res.Status, text)
	}
	return took, err
}

// report prints a table and how many bars were missed.
func report(out io.Writer, results []result) error {
	missed := 0
	fmt.Fprintf(out, "%-26s %9s %9s %9s %9s\n", "call", "p50", "p95", "max", "bar")
	for _, r := range results {
		mark := ""
		if r.at(0.95) > r.bar {
			missed++
			mark = "  missed"
		}
		fmt.Fprintf(out, "%-26s %9s %9s %9s %9s%s\n", r.name, millis(r.at(0.5)), millis(r.at(0.95)), millis(r.at(1)), millis(r.bar), mark)
	}
	_, err := fmt.Fprintf(out, "\n%d of %d calls missed their bar\n", missed, len(results))
	return err
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// fillDeliveries writes what a gateway has after a while: nearly everything is delivered. $1 is the time.
var fillDeliveries = map[bool]string{
	true: `
INSERT INTO runs (run_id, kind, source, status, first_seen_at, updated_at)
  SELECT 'R'||n, 'run', 's'||(n%3), CASE WHEN n%2=0 THEN 'CREATED' ELSE 'SUCCEEDED' END, $1::timestamptz + n * interval '1 second', $1 FROM generate_series(1, 20000) n;
INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, first_receipt_id, received_at, content_type, headers, body_bytes, body)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, 's'||(n%3), 'r:R'||(n/2)||':'||n||':S', 't'||(n%2), 'run', 'R'||(n/2), '', '', '', '', 1,
         gen_random_uuid(), $1, '', '{}', 4, 'body' FROM generate_series(1, 20000) n;
INSERT INTO deliveries (id, event_id, destination, state, updated_at)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, 'd'||(n%3),
         CASE WHEN n%500=0 THEN 'dead' WHEN n%501=0 THEN 'pending' WHEN n%502=0 THEN 'delivering' WHEN n%503=0 THEN 'cancelled' ELSE 'delivered' END, $1
  FROM generate_series(1, 20000) n;
INSERT INTO attempts (delivery_id, number, status, took_ms, started_at, error, answer)
  SELECT (lpad(to_hex(n), 12, '0')||'70008000000000000000')::uuid, 1, 200, 5, $1, '', 'ok' FROM generate_series(1, 20000) n;
INSERT INTO attempt_rollups (minute, destination, state, shard, count)
  SELECT $1::timestamptz + n * interval '1 minute', 'd', 'delivered', 1, 1 FROM generate_series(1, 20000) n;
ANALYZE runs, events, deliveries, attempts, attempt_rollups`,
	false: `
INSERT INTO runs (run_id, kind, source, status, first_seen_at, updated_at)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000) SELECT 'R'||n, 'run', 's'||(n%3), 'CREATED', $1 + n, $1 FROM g;
INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, first_receipt_id, received_at, content_type, headers, body_bytes, body)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000)
  SELECT printf('%08x-0000-7000-8000-000000000000', n), 's'||(n%3), 'r:R'||(n/2)||':'||n||':S', 't', 'run', 'R', '', '', '', '', 1, printf('%08x-0000-7000-8000-000000000000', n), $1, '', '{}', 4, x'00' FROM g;
INSERT INTO deliveries (id, event_id, destination, state, updated_at)
  WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n<2000)
  SELECT printf('%08x-0000-7000-8000-000000000000', n), printf('%08x-0000-7000-8000-000000000000', n), 'd'||(n%3),
         CASE WHEN n%50=0 THEN 'dead' WHEN n%51=0 THEN 'pending' WHEN n%52=0 THEN 'delivering' ELSE 'delivered' END, $1 FROM g;
ANALYZE`,
}

// What operators look at must be read off an index, and what they may change must be found by one.
func TestPlansOfDeliveries(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		postgres := l.pool != nil
		explain, bad := "EXPLAIN ", regexp.MustCompile(`Seq Scan on (?:runs|open_runs|events|deliveries|attempts|attempt_rollups)\b`)
		var start any = readTime
		if !postgres {
			explain, bad, start = "EXPLAIN QUERY PLAN ", regexp.MustCompile(`(?m)^.*SCAN (runs|events|deliveries|attempts|attempt_rollups|d|e)$`), readTime.UnixMicro()
		}
		fillTables(t, l, fillDeliveries[postgres], start)
		if err := l.listOpenRuns(t.Context()); err != nil {
			t.Fatal(err)
		}
		eachPlan(t, l, explain, deliveryReads(l), func(name, sql, plan string) {
			if !postgres && name == "of a source" {
				return // SQLite begins with the events: it is for trying out
			}
			if bad.MatchString(plan) {
				t.Errorf("%s: %s\n%s\n%s", name, bad.FindString(plan), sql, plan)
			}
		})
		for name, plan := range attemptPlans(t, l, explain) {
			if bad.MatchString(plan) {
				t.Errorf("%s: %s\n%s", name, bad.FindString(plan), plan)
			}
		}
	})
}

// deliveryReads are what must stay quick whatever the tables hold.
func deliveryReads(l *Ledger) map[string]func(context.Context) error {
	const id = "00000000-0077-7000-8000-000000000000"
	day := view.Range{Since: time.UnixMilli(100).UTC(), Until: time.UnixMilli(500).UTC()} // of the made up ids
	list := func(f view.DeliveryFilter, cursor string) func(context.Context) error {
		return func(ctx context.Context) error {
			return second(l.Deliveries(ctx, view.DeliveryQuery{DeliveryFilter: f, Paging: view.Paging{Cursor: cursor}}))
		}
	}
	dry := view.Act{DryRun: true}
	return map[string]func(context.Context) error{
		"all": list(view.DeliveryFilter{}, ""), "second page": list(view.DeliveryFilter{}, view.Cursor{Tie: id}.Encode()),
		"of a time": list(view.DeliveryFilter{Range: day}, ""), "of a destination": list(view.DeliveryFilter{Destination: "d1"}, ""),
		"of a source": list(view.DeliveryFilter{Source: "s1"}, ""),
		"of a run":    list(view.DeliveryFilter{RunID: "R77"}, ""), "of an event": list(view.DeliveryFilter{EventID: id}, ""),
		"dead": list(view.DeliveryFilter{State: "dead"}, ""), "dead of a destination": list(view.DeliveryFilter{State: "dead", Destination: "d1"}, ""),
		"pending": list(view.DeliveryFilter{State: "pending"}, ""), "cancelled": list(view.DeliveryFilter{State: "cancelled"}, ""),
		"delivered": list(view.DeliveryFilter{State: "delivered"}, ""),
		"one":       func(ctx context.Context) error { return second(l.Delivery(ctx, oneDelivery(l))) },
		"stats":     func(ctx context.Context) error { return second(l.DeliveryStats(ctx, view.Range{Since: readTime})) },
		"stuck":     func(ctx context.Context) error { return second(l.Stuck(ctx, view.StuckQuery{})) },
		"stuck by the list of open runs": func(ctx context.Context) error {
			return second(l.Stuck(ctx, view.StuckQuery{Runs: 10 * time.Minute}))
		},
		"to retry": func(ctx context.Context) error { return second(l.RetryDeliveries(ctx, view.DeliverySelection{}, dry)) },
		"to clear": func(ctx context.Context) error { return second(l.ClearStuck(ctx, view.StuckQuery{}, dry)) },
		"to cancel": func(ctx context.Context) error {
			return second(l.CancelDeliveries(ctx, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Destination: "d1"}}, dry))
		},
		"of ids": func(ctx context.Context) error {
			return second(l.RetryDeliveries(ctx, view.DeliverySelection{IDs: []string{id}}, dry))
		},
	}
}

// attemptPlans are how the writes of attempts find their rows.
func attemptPlans(t *testing.T, l *Ledger, explain string) map[string]string {
	t.Helper()
	rows := make([]deliveryRow, 20)
	results := make([]delivery.Result, len(rows))
	followers := make([]follower, len(rows))
	claims := make([]claimRow, len(rows))
	for i := range rows {
		id := dedup.NewID(time.UnixMilli(int64(100 * i)))
		rows[i] = deliveryRow{ID: rowID(id), EventID: rowID(id), Destination: "d1", State: "pending", UpdatedAt: readTime}
		results[i] = delivery.Result{Attempt: delivery.Attempt{DeliveryID: id, Number: 1, StartedAt: readTime}, State: delivery.Delivered}
		claims[i] = claimRow{delivery.Claim{Delivery: id}, readTime}
		followers[i] = follower{id: id, destination: "d1", source: "s1", kind: dedup.KindRun, runID: fmt.Sprint("R", 10*i), seq: 2}
	}
	s := &l.statements.deliveries
	return map[string]string{
		"replay": planOf(t, l, explain, s.replay, rows), "begin": planOf(t, l, explain, s.begin, claims),
		"ship": planOf(t, l, explain, s.ship, claims), "lose": planOf(t, l, explain, s.lose, claims), "give up": planOf(t, l, explain, s.giveUp, claims),
		"outdate": planOf(t, l, explain, s.outdate, claims), "end": planOf(t, l, explain, s.end, results),
		"finish": planOf(t, l, explain, s.finish, results), "reopen": planOf(t, l, explain, s.reopen, rows),
		"requeue": planOf(t, l, explain, s.requeue, rows), "cancel": planOf(t, l, explain, s.cancel, rows),
		"about": planOf(t, l, explain, s.about, rows), "blocked": planOf(t, l, explain, s.blocked, followers),
	}
}

// planOf explains a statement over rows.
func planOf[R any](t *testing.T, l *Ledger, explain string, s statement[R], rows []R) string {
	t.Helper()
	var lines []string
	for text, args := range s.bind(l.dialect, rows) {
		err := scanAll(l.db.WithContext(t.Context()).Raw(explain+text, args...), func(back *sql.Rows) error {
			columns, err := back.Columns()
			line := make([]any, len(columns))
			for i := range line {
				line[i] = new(string)
			}
			if err == nil {
				err = back.Scan(line...)
			}
			lines = append(lines, *line[len(line)-1].(*string))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) == 0 {
		t.Fatal("no plan")
	}
	return strings.Join(lines, "\n")
}

// oneDelivery is the id of a delivery that the tables were filled with.
func oneDelivery(l *Ledger) string {
	if l.pool != nil {
		return "00000000-0077-7000-8000-000000000000"
	}
	return "00000077-0000-7000-8000-000000000000"
}

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	// seedDays is how far the receipts go back.
	seedDays = 30
	// seedChunk is how many events one statement writes.
	seedChunk = 200_000
)

// seed fills the tables as a gateway does: of ten receipts four are first deliveries, three a run, and the others repeats
// of these at times from milliseconds to two days later. Few actors make most of the runs; one run in five hundred never
// ends. Each event was handed on; of a thousand deliveries one is dead and one is not over. Counters follow from receipts.
func (s *stage) seed(ctx context.Context, receipts int64) error {
	began := time.Now()
	events := receipts * 2 / 5
	steps := []struct {
		name string
		do   func() error
	}{
		{"partitions", func() error { return s.pastPartitions(ctx) }},
		{"no indexes that are quicker made afterwards", func() error { return s.exec(ctx, dropIndexes) }},
		{"events", func() error { return s.inChunks(ctx, seedEvents, events, began) }},
		{"runs", func() error { return s.exec(ctx, seedRuns) }},
		{"receipts", func() error { return s.inChunks(ctx, seedReceipts, events, began) }},
		{"deliveries", func() error { return s.exec(ctx, seedDeliveries) }},
		{"indexes", func() error { return s.exec(ctx, makeIndexes) }},
		{"rollups", func() error { return s.exec(ctx, seedRollups) }},
		{"lags", func() error { return s.exec(ctx, seedLags) }},
		{"quarantine and audit", func() error { return s.exec(ctx, seedRest) }},
		{"statistics", func() error { return s.exec(ctx, "VACUUM (ANALYZE)") }},
		{"summaries", func() error { return s.summarise(ctx) }},
		{"statistics of these", func() error {
			return s.exec(ctx, "VACUUM (ANALYZE) rollup_sums, repeat_tops, repeat_slices, open_runs")
		}},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("fill the tables: %s: %w", step.name, err)
		}
		fmt.Fprintf(os.Stderr, "filled after %4s: %s\n", time.Since(began).Round(time.Second), step.name)
	}
	return nil
}

func (s *stage) exec(ctx context.Context, sql string, args ...any) error {
	_, err := s.db.Exec(ctx, sql, args...)
	return err
}

// inChunks runs a statement over numbers. All chunks of all statements count from the same time: ids are made of it.
func (s *stage) inChunks(ctx context.Context, sql string, n int64, now time.Time) error {
	for from := int64(0); from < n; from += seedChunk {
		if err := s.exec(ctx, sql, from, min(from+seedChunk, n)-1, n, seedDays, now.UTC()); err != nil {
			return err
		}
	}
	return nil
}

// pastPartitions makes the days that a gateway would have made as they came.
func (s *stage) pastPartitions(ctx context.Context) error {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for n := 1; n <= seedDays+1; n++ {
		from := today.AddDate(0, 0, -n)
		err := s.exec(ctx, fmt.Sprintf("CREATE TABLE receipts_%s PARTITION OF receipts FOR VALUES FROM ('%s') TO ('%s')",
			from.Format("20060102"), from.Format(time.RFC3339), from.AddDate(0, 0, 1).Format(time.RFC3339)))
		if err != nil {
			return err
		}
	}
	return nil
}

// The statements over numbers take the first and the last of the chunk, how many there are in all, the days, and the end of
// the last of these.
const (
	numbered = `
WITH numbered AS (
    SELECT i, md5(i::text) AS digits, i / 3 AS run, $5::timestamptz - $4::int * interval '1 day' * (1 - i::float8 / $3::bigint) AS at
    FROM generate_series($1::bigint, $2::bigint) AS i
), made AS (
    SELECT i, digits, run, date_trunc('milliseconds', at) AS at, (ARRAY['apify', 'apify', 'apify', 'shop', 'crm'])[1 + run % 5] AS source,
        'R' || substr(md5(run::text), 1, 16) AS run_id, 'A' || floor(1000 * power(abs(hashtext(run::text)) / 2147483648.0, 3)) AS actor_id,
        (ARRAY['ACTOR.RUN.CREATED', 'ACTOR.RUN.SUCCEEDED', 'ACTOR.RUN.RESURRECTED'])[1 + i % 3] AS type,
        (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(digits, 1, 3)
            || '8' || substr(digits, 4, 15))::uuid AS id
    FROM numbered
)`
	seedEvents = numbered + `
INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, outcome, hits,
    first_receipt_id, received_at, content_type, headers, body_bytes, body)
SELECT id, source, 'r:' || run_id || ':' || i || ':S', type, 'run', run_id, actor_id, '', '', 'D' || substr(digits, 5, 16), 1 + i % 3,
    CASE i % 3 WHEN 0 THEN 'new' ELSE 'updated' END, i % 4, id, at, 'application/json', '{}', 1640, convert_to(repeat(digits, 4), 'UTF8')
FROM made`
	seedRuns = `
INSERT INTO runs (run_id, kind, source, status, version, actor_id, task_id, first_seen_at, updated_at, events, last_seq)
SELECT run_id, kind, source, CASE WHEN abs(hashtext(run_id)) % 500 = 7 THEN 'CREATED'
    ELSE (ARRAY['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED', 'FAILED'])[1 + abs(hashtext(run_id)) % 4] END, '', min(actor_id), '',
    min(received_at), max(received_at), count(*), count(*)
FROM events GROUP BY run_id, kind, source ORDER BY min(received_at)`
	// Repeat n of event i comes 2^(5…27) ms later.
	seedReceipts = numbered + `, told AS (
    SELECT i, digits, at, source, type, id, n,
        CASE WHEN n = 0 THEN 0 ELSE floor(power(2, 5 + 22 * (abs(hashtext(i || ' ' || n)) / 2147483648.0)))::bigint END AS lag
    FROM made, generate_series(0, i % 4) AS n
)
INSERT INTO receipts (received_at, id, source, outcome, reason, repeat, event_id, type, dispatch_id, lag_ms, degraded, remote_ip, via)
SELECT at + lag * interval '1 millisecond',
    (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint + lag), 12, '0') || '7' || substr(digits, 1, 3)
        || '8' || lpad(to_hex(n), 3, '0') || substr(digits, 4, 12))::uuid,
    source, CASE WHEN n > 0 THEN 'duplicate' WHEN i % 3 = 0 THEN 'new' ELSE 'updated' END,
    CASE WHEN n = 0 THEN 'first_seen' WHEN i % 50 = 1 THEN 'ledger_hit' WHEN i % 100 = 2 THEN 'race_lost' ELSE 'window_hit' END,
    CASE WHEN n = 0 THEN '' WHEN n = 1 THEN 'twin' ELSE 'retry' END, id, type,
    CASE WHEN n = 1 THEN 'T' ELSE 'D' END || substr(digits, 5, 16), CASE WHEN n > 0 THEN lag END, false, '192.0.2.7', 'webhook'
FROM told WHERE at + lag * interval '1 millisecond' <= $5 ORDER BY 1`
	// A delivery has its event's id, and one attempt.
	seedDeliveries = `
INSERT INTO deliveries (id, event_id, destination, state, attempts, last_status, updated_at)
SELECT e.id, e.id AS event, 'app', CASE abs(hashtext(e.id::text)) % 2000 WHEN 0 THEN 'dead' WHEN 1 THEN 'dead'
    WHEN 2 THEN 'pending' WHEN 3 THEN 'retrying' ELSE 'delivered' END, 1, 200, received_at
FROM events e ORDER BY e.id;
INSERT INTO attempts (delivery_id, number, status, took_ms, started_at, error, answer)
SELECT id, 1, 200, 12, received_at, '', 'ok' FROM events ORDER BY id`
	dropIndexes = `DROP INDEX receipts_by_event, receipts_by_rare_reason`
	// As the migrations make them.
	makeIndexes = `
CREATE INDEX receipts_by_event ON receipts (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX receipts_by_rare_reason ON receipts (reason, received_at DESC, id DESC) WHERE reason NOT IN ('first_seen', 'window_hit')`
	// Three writers, as a gateway has at a time.
	seedRollups = `
INSERT INTO rollups (minute, source, outcome, reason, repeat, shard, count)
SELECT date_trunc('minute', received_at), source, outcome, reason, repeat, abs(hashtext(id::text)) % 3, count(*)
FROM receipts GROUP BY 1, 2, 3, 4, 5, 6`
	seedLags = `
INSERT INTO repeat_lag (day, source, event_type, bucket, shard, count, in_flight)
SELECT (received_at AT TIME ZONE 'UTC')::date, source, type, least(floor(4 * ln(greatest(lag_ms, 1)::float8) / ln(2::float8))::int, 143),
    abs(hashtext(id::text)) % 3, count(*), count(*) FILTER (WHERE reason = 'race_lost')
FROM receipts WHERE lag_ms IS NOT NULL GROUP BY 1, 2, 3, 4, 5`
	seedRest = `
INSERT INTO quarantine (id, source, reason, body_hash, message, dispatch_id, content_type, headers, body_bytes, truncated, body,
    first_receipt_id, first_seen_at, last_seen_at)
SELECT e.id, source, 'not_json', decode(md5(e.id::text), 'hex'), 'why', '', 'text/plain', '{}', 4, false, 'body', e.id, received_at, received_at
FROM events e ORDER BY e.id LIMIT 5000;
INSERT INTO audit (id, at, actor, action, target, reason)
SELECT e.id, received_at, 'cli:somebody', 'quarantine.replay', e.id::text, 'because' FROM events e ORDER BY e.id LIMIT 20000`
)

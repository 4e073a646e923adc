package main

import (
	"context"
	"fmt"
)

// preloadChunk is how many rows one statement writes.
const preloadChunk = 250_000

// preload puts n events with their runs and receipts into the tables, copies of a stored event under other ids. Run ids
// are spread as the sender's are, since an index suffers from where its entries go, not only from how many there are.
// Event ids and times grow as they do in life, all within today: the receipts' busiest partition gets everything. Bodies
// are purged, as those of old events are.
func (s *stage) preload(ctx context.Context, n int64) error {
	var pattern string
	err := s.db.QueryRow(ctx, "SELECT id::text FROM events WHERE kind = 'run' AND run_id <> '' LIMIT 1").Scan(&pattern)
	for from := int64(0); err == nil && from < n; from += preloadChunk {
		_, err = s.db.Exec(ctx, preloadSQL, from, min(from+preloadChunk, n)-1, n, pattern)
	}
	for _, maintain := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if err == nil {
			_, err = s.db.Exec(ctx, maintain)
		}
	}
	if err != nil {
		return fmt.Errorf("preload: %w", err)
	}
	return nil
}

// preloadSQL takes the first and the last number of the chunk, how many there will be in all, and the event to copy.
const preloadSQL = `
WITH numbered AS (
	SELECT i, md5(i::text) AS digits,
		date_trunc('day', now(), 'UTC') + (now() - date_trunc('day', now(), 'UTC')) * (i::float8 / $3::bigint) AS at
	FROM generate_series($1::bigint, $2::bigint) AS i
), made AS (
	SELECT substr(digits, 1, 17) AS run_id, at,
		(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
			|| '7' || substr(digits, 1, 3) || '8' || substr(digits, 4, 15))::uuid AS id
	FROM numbered
), stored AS (
	INSERT INTO events (id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id, seq, outcome,
		hits, first_receipt_id, received_at, occurred_at, content_type, headers, body_bytes, body)
	SELECT made.id, p.source, replace(p.event_key, p.run_id, made.run_id), p.type, p.kind, made.run_id, p.actor_id, p.task_id,
		p.generation, made.run_id, 1, p.outcome, 0, made.id, made.at, p.occurred_at, p.content_type, p.headers, p.body_bytes, NULL
	FROM made JOIN events AS p ON p.id = $4::uuid
), ran AS (
	INSERT INTO runs (run_id, kind, source, status, version, actor_id, task_id, occurred_at, first_seen_at, updated_at,
		events, last_seq)
	SELECT made.run_id, r.kind, r.source, r.status, r.version, r.actor_id, r.task_id, r.occurred_at,
		made.at AS first_seen_at, made.at AS updated_at, 1, 1
	FROM made JOIN events AS p ON p.id = $4::uuid JOIN runs AS r ON r.run_id = p.run_id AND r.kind = p.kind AND r.source = p.source
)
INSERT INTO receipts (received_at, id, source, outcome, reason, repeat, event_id, type, dispatch_id, degraded, remote_ip, via)
SELECT made.at, made.id, p.source, 'new', 'first_seen', '', made.id, p.type, made.run_id, false, '127.0.0.1', 'webhook'
FROM made JOIN events AS p ON p.id = $4::uuid`

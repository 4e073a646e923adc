package ledger

import "github.com/dedupgate/dedupgate/internal/dedup"

// statements are the writes of the hot path. Their text never changes, so PostgreSQL parses each once a connection.
type statements struct {
	reserveRuns  statement[runRow]
	moveRuns     statement[runRow]
	events       statement[eventRow]
	fixOutcomes  statement[eventRow]
	quarantine   statement[quarantineRow]
	receipts     statement[receiptRow]
	newReceipts  statement[receiptRow]
	windowHits   statement[hitCount]
	rollups      statement[rollupRow]
	lags         statement[lagRow]
	readVerdicts statement[receiptRow]
	deliveries   deliveryStatements
	retellings   retellingStatements
	otherBodies  statement[offeredBody]
}

// hitCount is a number of repeats of one event that Redis knew.
type hitCount struct {
	event dedup.ID
	n     int64
}

func newStatements(d dialect) *statements {
	return &statements{
		deliveries: newDeliveryStatements(),
		retellings: newRetellingStatements(), otherBodies: newOtherBodyStatement(),
		// A run that is not there yet is inserted as its events will leave it. One that is there is locked, keeps its state
		// and gives some numbers away: only such a one has given more away than it has events, and only it has something to tell.
		reserveRuns: insertTelling(d, "runs", runColumns(),
			`ON CONFLICT (run_id, kind, source) DO UPDATE SET last_seq = runs.last_seq + excluded.last_seq`,
			`run_id, kind, source, status, version, actor_id, task_id, occurred_at, updated_at, events, last_seq`, "last_seq > events"),
		// Only for rows that reserveRuns has locked: never inserts. An upsert and not an UPDATE, because it needs no join
		// that could be planned badly.
		moveRuns: insert("runs", runColumns(), `
ON CONFLICT (run_id, kind, source) DO UPDATE SET
    status = excluded.status, version = excluded.version, actor_id = excluded.actor_id, task_id = excluded.task_id,
    occurred_at = excluded.occurred_at, updated_at = excluded.updated_at, events = excluded.events`),
		// hits counts repeats: of a new event the twins that came with it, of an old one all that came now. One that has none is
		// new for sure, and has nothing to tell.
		events: insertTelling(d, "events", eventColumns(),
			`ON CONFLICT (event_key, source) DO UPDATE SET hits = events.hits + excluded.hits + 1`,
			`event_key, source, id, first_receipt_id, dispatch_id, hits`, "hits > 0"),
		fixOutcomes: over([]column[eventRow]{
			ids("id", func(r *eventRow) dedup.ID { return dedup.ID(r.ID) }),
			text("outcome", func(r *eventRow) string { return r.Outcome }),
		}, `UPDATE events SET outcome = v.outcome FROM v WHERE events.id = v.id`),
		quarantine: insert("quarantine", quarantineColumns(), `
ON CONFLICT (source, reason, body_hash) DO UPDATE SET hits = quarantine.hits + excluded.hits,
    last_seen_at = CASE WHEN excluded.last_seen_at > quarantine.last_seen_at THEN excluded.last_seen_at ELSE quarantine.last_seen_at END
RETURNING source, reason, body_hash, id`),
		receipts:    insert("receipts", receiptColumns(), `ON CONFLICT (received_at, id) DO NOTHING RETURNING id`),
		newReceipts: insert("receipts", receiptColumns(), ""),
		windowHits: insert("window_hits", []column[hitCount]{
			ids("event_id", func(h *hitCount) dedup.ID { return h.event }),
			number("hits", func(h *hitCount) int64 { return h.n }),
		}, `ON CONFLICT (event_id) DO UPDATE SET hits = window_hits.hits + excluded.hits`),
		rollups: insert("rollups", rollupColumns(), `
ON CONFLICT (minute, source, outcome, reason, repeat, shard) DO UPDATE SET count = rollups.count + excluded.count`),
		lags: insert("repeat_lag", lagColumns(), `
ON CONFLICT (day, source, event_type, bucket, shard) DO UPDATE SET
    count = repeat_lag.count + excluded.count, in_flight = repeat_lag.in_flight + excluded.in_flight`),
		readVerdicts: over([]column[receiptRow]{
			receiptColumns()[0], receiptColumns()[1],
		}, `
SELECT r.id, r.outcome, r.reason, r.repeat, r.event_id, r.quarantine_id, r.degraded, coalesce(e.dispatch_id, ''), coalesce(e.seq, 0),
    coalesce(d.held, false)
FROM v JOIN receipts r ON r.received_at = v.received_at AND r.id = v.id LEFT JOIN events e ON e.id = r.event_id
LEFT JOIN doubts d ON d.event_id = r.event_id`),
	}
}

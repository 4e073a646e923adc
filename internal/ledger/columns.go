package ledger

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// The columns that each table is written by.

func runColumns() []column[runRow] {
	return []column[runRow]{
		text("run_id", func(r *runRow) string { return r.RunID }),
		text("kind", func(r *runRow) string { return r.Kind }),
		text("source", func(r *runRow) string { return r.Source }),
		text("status", func(r *runRow) string { return r.Status }),
		octets("version", func(r *runRow) []byte { return r.Version }),
		text("actor_id", func(r *runRow) string { return r.ActorID }),
		text("task_id", func(r *runRow) string { return r.TaskID }),
		moment("occurred_at", func(r *runRow) time.Time { return valueOf(r.OccurredAt) }),
		moment("first_seen_at", func(r *runRow) time.Time { return r.FirstSeenAt }),
		moment("updated_at", func(r *runRow) time.Time { return r.UpdatedAt }),
		number("events", func(r *runRow) int64 { return r.Events }),
		number("last_seq", func(r *runRow) int64 { return r.LastSeq }),
	}
}

func eventColumns() []column[eventRow] {
	return []column[eventRow]{
		ids("id", func(r *eventRow) dedup.ID { return dedup.ID(r.ID) }),
		text("source", func(r *eventRow) string { return r.Source }),
		text("event_key", func(r *eventRow) string { return r.EventKey }),
		text("type", func(r *eventRow) string { return r.Type }),
		text("kind", func(r *eventRow) string { return r.Kind }),
		text("run_id", func(r *eventRow) string { return r.RunID }),
		text("actor_id", func(r *eventRow) string { return r.ActorID }),
		text("task_id", func(r *eventRow) string { return r.TaskID }),
		text("generation", func(r *eventRow) string { return r.Generation }),
		text("dispatch_id", func(r *eventRow) string { return r.DispatchID }),
		number("seq", func(r *eventRow) int64 { return r.Seq }),
		octets("version", func(r *eventRow) []byte { return r.Version }),
		text("outcome", func(r *eventRow) string { return r.Outcome }),
		number("hits", func(r *eventRow) int64 { return r.Hits }),
		ids("first_receipt_id", func(r *eventRow) dedup.ID { return dedup.ID(r.FirstReceiptID) }),
		moment("received_at", func(r *eventRow) time.Time { return r.ReceivedAt }),
		moment("occurred_at", func(r *eventRow) time.Time { return valueOf(r.OccurredAt) }),
		text("content_type", func(r *eventRow) string { return r.ContentType }),
		text("headers", func(r *eventRow) string { return r.Headers }),
		number("body_bytes", func(r *eventRow) int64 { return r.BodyBytes }),
		octets("body", func(r *eventRow) []byte { return r.Body }),
	}
}

func receiptColumns() []column[receiptRow] {
	return []column[receiptRow]{
		moment("received_at", func(r *receiptRow) time.Time { return r.ReceivedAt }),
		ids("id", func(r *receiptRow) dedup.ID { return dedup.ID(r.ID) }),
		text("source", func(r *receiptRow) string { return r.Source }),
		text("outcome", func(r *receiptRow) string { return r.Outcome }),
		text("reason", func(r *receiptRow) string { return r.Reason }),
		text("repeat", func(r *receiptRow) string { return r.Repeat }),
		ids("event_id", func(r *receiptRow) dedup.ID { return dedup.ID(valueOf(r.EventID)) }),
		ids("quarantine_id", func(r *receiptRow) dedup.ID { return dedup.ID(valueOf(r.QuarantineID)) }),
		text("type", func(r *receiptRow) string { return r.Type }),
		text("dispatch_id", func(r *receiptRow) string { return r.DispatchID }),
		optionalNumber("lag_ms", func(r *receiptRow) *int64 { return r.LagMillis }),
		boolean("degraded", func(r *receiptRow) bool { return r.Degraded }),
		text("remote_ip", func(r *receiptRow) string { return r.RemoteIP }),
		text("via", func(r *receiptRow) string { return r.Via }),
	}
}

func quarantineColumns() []column[quarantineRow] {
	return []column[quarantineRow]{
		ids("id", func(r *quarantineRow) dedup.ID { return dedup.ID(r.ID) }),
		text("source", func(r *quarantineRow) string { return r.Source }),
		text("reason", func(r *quarantineRow) string { return r.Reason }),
		octets("body_hash", func(r *quarantineRow) []byte { return r.BodyHash }),
		text("message", func(r *quarantineRow) string { return r.Message }),
		text("dispatch_id", func(r *quarantineRow) string { return r.DispatchID }),
		text("content_type", func(r *quarantineRow) string { return r.ContentType }),
		text("headers", func(r *quarantineRow) string { return r.Headers }),
		number("body_bytes", func(r *quarantineRow) int64 { return r.BodyBytes }),
		boolean("truncated", func(r *quarantineRow) bool { return r.Truncated }),
		octets("body", func(r *quarantineRow) []byte { return r.Body }),
		number("hits", func(r *quarantineRow) int64 { return r.Hits }),
		ids("first_receipt_id", func(r *quarantineRow) dedup.ID { return dedup.ID(r.FirstReceiptID) }),
		moment("first_seen_at", func(r *quarantineRow) time.Time { return r.FirstSeenAt }),
		moment("last_seen_at", func(r *quarantineRow) time.Time { return r.LastSeenAt }),
	}
}

func rollupColumns() []column[rollupRow] {
	return []column[rollupRow]{
		moment("minute", func(r *rollupRow) time.Time { return r.Minute }),
		text("source", func(r *rollupRow) string { return r.Source }),
		text("outcome", func(r *rollupRow) string { return r.Outcome }),
		text("reason", func(r *rollupRow) string { return r.Reason }),
		text("repeat", func(r *rollupRow) string { return r.Repeat }),
		number("shard", func(r *rollupRow) int64 { return int64(r.Shard) }),
		number("count", func(r *rollupRow) int64 { return r.Count }),
	}
}

func lagColumns() []column[lagRow] {
	return []column[lagRow]{
		moment("day", func(r *lagRow) time.Time { return r.Day }),
		text("source", func(r *lagRow) string { return r.Source }),
		text("event_type", func(r *lagRow) string { return r.EventType }),
		number("bucket", func(r *lagRow) int64 { return int64(r.Bucket) }),
		number("shard", func(r *lagRow) int64 { return int64(r.Shard) }),
		number("count", func(r *lagRow) int64 { return r.Count }),
		number("in_flight", func(r *lagRow) int64 { return r.InFlight }),
	}
}

// valueOf is what p points to, or the zero value.
func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

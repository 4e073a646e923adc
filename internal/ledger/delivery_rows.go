package ledger

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// The rows of forwarding, and the columns that each is written by.

type deliveryRow struct {
	ID            rowID
	EventID       rowID
	Destination   string
	Replay        int
	State         string
	Attempts      int
	Forgiven      int
	LastStatus    int
	NextAttemptAt *time.Time
	UpdatedAt     time.Time `gorm:"autoUpdateTime:false"`
	LastError     string
	Job           int
	UnderWay      *int // the job whose attempt is under way
}

func (deliveryRow) TableName() string { return "deliveries" }

func (r *deliveryRow) due() delivery.Due {
	return delivery.Due{ID: dedup.ID(r.ID), EventID: dedup.ID(r.EventID), Destination: r.Destination, Job: r.Job}
}

// dueAnew is the delivery with the job that is about to be made for it, in place of the one that it had.
func (r *deliveryRow) dueAnew() delivery.Due {
	due := r.due()
	due.Job++
	return due
}

// allDueAnew are the deliveries, each as dueAnew.
func allDueAnew(rows []deliveryRow) []delivery.Due {
	due := make([]delivery.Due, len(rows))
	for i := range rows {
		due[i] = rows[i].dueAnew()
	}
	return due
}

// lostAttempt is the newest attempt of a delivery, which is under way.
func (r *deliveryRow) lostAttempt() attemptRow {
	return attemptRow{DeliveryID: r.ID, Number: r.Attempts, StartedAt: r.UpdatedAt, Error: lostAttempt}
}

// lostAttempt is the error of an attempt of which nobody knows how it ended.
const lostAttempt = "the gateway stopped before the answer was recorded"

type attemptRow struct {
	DeliveryID rowID
	Number     int
	Status     int
	TookMillis int64 `gorm:"column:took_ms"`
	StartedAt  time.Time
	Error      string
	Answer     []byte
}

func (attemptRow) TableName() string { return "attempts" }

type attemptRollupRow struct {
	Minute      time.Time
	Destination string
	State       string
	Shard       int32
	Count       int64
}

func (attemptRollupRow) TableName() string { return "attempt_rollups" }

func deliveryID() column[deliveryRow] {
	return ids("id", func(r *deliveryRow) dedup.ID { return dedup.ID(r.ID) })
}

func deliveryUpdatedAt() column[deliveryRow] {
	return moment("updated_at", func(r *deliveryRow) time.Time { return r.UpdatedAt })
}

// deliveryColumns are those of a delivery that has just been made.
func deliveryColumns() []column[deliveryRow] {
	return []column[deliveryRow]{
		deliveryID(),
		ids("event_id", func(r *deliveryRow) dedup.ID { return dedup.ID(r.EventID) }),
		text("destination", func(r *deliveryRow) string { return r.Destination }),
		text("state", func(r *deliveryRow) string { return r.State }),
		deliveryUpdatedAt(),
	}
}

func attemptColumns() []column[attemptRow] {
	return []column[attemptRow]{
		ids("delivery_id", func(r *attemptRow) dedup.ID { return dedup.ID(r.DeliveryID) }),
		number("number", func(r *attemptRow) int64 { return int64(r.Number) }),
		number("status", func(r *attemptRow) int64 { return int64(r.Status) }),
		number("took_ms", func(r *attemptRow) int64 { return r.TookMillis }),
		moment("started_at", func(r *attemptRow) time.Time { return r.StartedAt }),
		text("error", func(r *attemptRow) string { return r.Error }),
		octets("answer", func(r *attemptRow) []byte { return r.Answer }),
	}
}

func attemptRollupColumns() []column[attemptRollupRow] {
	return []column[attemptRollupRow]{
		moment("minute", func(r *attemptRollupRow) time.Time { return r.Minute }),
		text("destination", func(r *attemptRollupRow) string { return r.Destination }),
		text("state", func(r *attemptRollupRow) string { return r.State }),
		number("shard", func(r *attemptRollupRow) int64 { return int64(r.Shard) }),
		number("count", func(r *attemptRollupRow) int64 { return r.Count }),
	}
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Retention is how long things are kept; 0 keeps them forever.
type Retention struct {
	Receipts   time.Duration // attempts of deliveries too
	Bodies     time.Duration // of events, with the other bodies of each; afterwards an event has no body but is still known
	Keys       time.Duration // events with their deliveries, the runs whose last event is as old, and the counters; a later repeat is new
	Quarantine time.Duration // counted from the last time the same body came
}

const (
	// retentionChunk is how many rows one transaction purges or deletes, so that none holds locks for long.
	retentionChunk = 1000
	// retentionLock is held for each chunk: "deduphld" in ASCII.
	retentionLock = 0x6465647570686c64
	jobBodies     = "purge bodies"
)

// errElsewhere: another process is at it.
var errElsewhere = errors.New("another process enforces the retention")

// retain deletes what is older than wanted, chunk by chunk, until nothing is left or ctx ends.
func (l *Ledger) retain(ctx context.Context, keep Retention) error {
	now := l.now().UTC()
	var failed error
	for _, job := range []struct {
		keep time.Duration
		do   func(ctx context.Context, cutoff time.Time) error
	}{
		{keep.Receipts, l.dialect.receiptsJob(l)},
		{keep.Receipts, l.deleteAttempts},
		{keep.Bodies, l.purgeBodies},
		{keep.Keys, l.deleteKeys},
		{keep.Quarantine, l.deleteQuarantined},
	} {
		if job.keep <= 0 {
			continue
		}
		if err := job.do(ctx, now.Add(-job.keep)); err != nil && !errors.Is(err, errElsewhere) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// inChunks calls work in a transaction each until it affects fewer rows than a chunk. It gives way to another process.
func (l *Ledger) inChunks(ctx context.Context, operation string, work func(tx *gorm.DB) (int64, error)) error {
	for {
		var affected int64
		_, err := l.transaction(ctx, func(tx *gorm.DB) error {
			ours, err := l.dialect.tryLock(tx, retentionLock)
			if err == nil && !ours {
				return errElsewhere
			}
			if err == nil {
				affected, err = work(tx)
			}
			return translate(operation, err)
		})
		if err != nil || affected < retentionChunk {
			return err
		}
	}
}

// deleteChunk deletes a table's first rows, in the order of an index, that fulfil a condition. The condition is there
// twice because the outer one is asked again of a row that somebody else has changed in the meantime.
func deleteChunk(tx *gorm.DB, table, key, where, order string, args ...any) (int64, error) {
	done := tx.Exec(fmt.Sprintf("DELETE FROM %s WHERE %s AND (%s) IN (SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d)",
		table, where, key, key, table, where, order, retentionChunk), slices.Concat(args, args)...)
	return done.RowsAffected, done.Error
}

func readProgress(tx *gorm.DB, job string) (time.Time, error) {
	var rows []progressRow
	if err := tx.Where("job = ?", job).Find(&rows).Error; err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].DoneUntil.UTC(), nil
}

func writeProgress(tx *gorm.DB, job string, until time.Time) error {
	return tx.Save(&progressRow{job, until}).Error
}

// deleteKeys deletes events in the order of ids, which is the order of receipt, and their deliveries, then the runs whose last event is as old:
// none of their events is left. A run that gets an event at this very moment has a newer updated_at by the time its row is
// unlocked, and stays.
func (l *Ledger) deleteKeys(ctx context.Context, cutoff time.Time) error {
	err := l.inChunks(ctx, "delete events", func(tx *gorm.DB) (int64, error) { return deleteEvents(tx, firstID(cutoff)) })
	if err == nil {
		err = l.deleteWindowHits(ctx, cutoff)
	}
	if err == nil {
		err = l.deleteOtherBodies(ctx, cutoff)
	}
	if err == nil {
		err = l.deleteDeliveries(ctx, cutoff)
	}
	if err == nil {
		err = l.deleteDoubts(ctx, cutoff)
	}
	if err == nil {
		err = l.inChunks(ctx, "delete runs", func(tx *gorm.DB) (int64, error) {
			return deleteChunk(tx, "runs", "run_id, kind, source", "first_seen_at < ? AND updated_at < ?", "first_seen_at", cutoff, cutoff)
		})
	}
	if err == nil {
		err = l.deleteCounters(ctx, cutoff)
	}
	return err
}

// deleteEvents deletes the first events that are not needed. It locks them and asks again: who records a request for an event
// that was left has done so before, which the first question may not have seen, or finds it gone.
func deleteEvents(tx *gorm.DB, before rowID) (int64, error) {
	var ids []rowID
	err := tx.Model(&eventRow{}).Where("id < ?", before).Where(notNeeded).Order("id").Limit(retentionChunk).Clauses(lockRows).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	done := tx.Where("id IN ?", ids).Where(notNeeded).Delete(&eventRow{})
	return done.RowsAffected, done.Error
}

func (l *Ledger) deleteCounters(ctx context.Context, cutoff time.Time) error {
	err := l.inChunks(ctx, "delete counters", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "attempt_rollups", "minute, destination, state, shard", "minute < ?", "minute", cutoff)
	})
	if err != nil {
		return err
	}
	err = l.inChunks(ctx, "delete counters", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "rollups", "minute, source, outcome, reason, repeat, shard", "minute < ?", "minute", cutoff)
	})
	if err != nil {
		return err
	}
	if err = l.deleteSummaries(ctx, cutoff); err != nil {
		return err
	}
	return l.inChunks(ctx, "delete counters", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "repeat_lag", "day, source, event_type, bucket, shard", "day < ?", "day", cutoff.Truncate(day))
	})
}

func (l *Ledger) deleteQuarantined(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete quarantine", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "quarantine", "id", "id < ? AND last_seen_at < ?", "id", firstID(cutoff), cutoff)
	})
}

// deleteReceipts deletes rows one by one: on SQLite all, on PostgreSQL those of the DEFAULT partition.
func (l *Ledger) deleteReceipts(ctx context.Context, table string, cutoff time.Time) error {
	return l.inChunks(ctx, "delete receipts", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, table, "received_at, id", "received_at < ?", "received_at", cutoff)
	})
}

package ledger

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

const jobOpenRuns = "list open runs"

// openStatuses are those of a run that has not ended.
func openStatuses() []dedup.Status {
	return []dedup.Status{dedup.StatusCreated, dedup.StatusResurrected}
}

// listOpenRuns writes down which runs have no end. It looks at each of the last months, by the index on their time, and
// writes only what has changed. Whoever reads the list asks the runs themselves again: they may have ended since.
func (l *Ledger) listOpenRuns(ctx context.Context) error {
	return l.summing(ctx, jobOpenRuns, func(tx *gorm.DB) error {
		now := l.now().UTC()
		since := now.Add(-view.StuckRunsBack)
		err := tx.Exec(`DELETE FROM open_runs WHERE first_seen_at < ? OR NOT EXISTS (SELECT 1 FROM runs AS r
WHERE r.run_id = open_runs.run_id AND r.kind = open_runs.kind AND r.source = open_runs.source AND r.status IN ?)`, since, openStatuses()).Error
		if err == nil {
			err = tx.Exec(`INSERT INTO open_runs (first_seen_at, run_id, kind, source)
SELECT first_seen_at, run_id, kind, source FROM runs WHERE first_seen_at >= ? AND status IN ? ON CONFLICT DO NOTHING`, since, openStatuses()).Error
		}
		if err == nil {
			err = writeProgress(tx, jobOpenRuns, now.Add(-settled))
		}
		return err
	})
}

// openRuns selects, as r, what can hold all runs that have no end, were first told of since a time and last told of before
// another: those on the list, or every one when the list is too old to say. They come first seen first.
func (l *Ledger) openRuns(ctx context.Context, since, before time.Time) (*gorm.DB, error) {
	listed, err := readProgress(l.reads.WithContext(ctx), jobOpenRuns)
	db, of := l.reads.WithContext(ctx), "r"
	if before.After(listed) {
		db = db.Table("runs AS r")
	} else {
		// The time is asked of the list alone: its order is that of the answer, which ends after some runs.
		of = "o"
		db = db.Table("open_runs AS o").Select("r.*").
			Joins("JOIN runs AS r ON r.run_id = o.run_id AND r.kind = o.kind AND r.source = o.source")
	}
	db = db.Where(of+".first_seen_at >= ? AND "+of+".first_seen_at < ?", since, before).Order(of + ".first_seen_at, " + of + ".run_id")
	return db.Where("r.status IN ? AND r.updated_at < ?", openStatuses(), before), err
}

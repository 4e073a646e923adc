package ledger

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// follower is a delivery of a run's event, which may have to wait for those of earlier events.
type follower struct {
	id          dedup.ID
	destination string
	source      string
	kind        dedup.Kind
	runID       string
	seq         int64
}

func followerColumns() []column[follower] {
	return []column[follower]{
		ids("id", func(f *follower) dedup.ID { return f.id }),
		text("destination", func(f *follower) string { return f.destination }),
		text("source", func(f *follower) string { return f.source }),
		text("from_key", func(f *follower) string { from, _ := keysOfRun(f.kind, f.runID); return from }),
		text("to_key", func(f *follower) string { _, to := keysOfRun(f.kind, f.runID); return to }),
		number("seq", func(f *follower) int64 { return f.seq }),
	}
}

// Blocked returns those of ids that must wait for an earlier delivery of the same run to the same destination: one with a
// lower seq, not a replay, not over, and not held because its sender did not confirm its event. It looks at the run's events,
// of which there are few. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Blocked(ctx context.Context, ids []dedup.ID) ([]dedup.ID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var blocked []dedup.ID
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		blocked = nil
		err := l.dialect.planAfresh(tx)
		var followers []follower
		if err == nil {
			followers, err = l.followers(tx, ids)
		}
		if err == nil {
			err = l.statements.deliveries.blocked.query(tx, l.dialect, followers, func(back *sql.Rows) error {
				var id rowID
				err := back.Scan(&id)
				blocked = append(blocked, dedup.ID(id))
				return err
			})
		}
		return translate("look for earlier deliveries", err)
	})
	return blocked, err
}

// followers are those of ids whose event has a place within a run.
func (l *Ledger) followers(tx *gorm.DB, ids []dedup.ID) ([]follower, error) {
	var list []follower
	err := l.statements.deliveries.about.query(tx, l.dialect, rowsOf(ids), func(back *sql.Rows) error {
		var id rowID
		var f follower
		err := back.Scan(&id, &f.destination, &f.source, &f.kind, &f.runID, &f.seq)
		f.id = dedup.ID(id)
		list = append(list, f)
		return err
	})
	return list, err
}

package ledger

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Doubt says by what an event is to be looked up at its sender before its word is taken. It must not block.
type Doubt func(in *dedup.Inbound) delivery.Lookup

// SetDoubt has to be called before anything is recorded. Without it every event is taken at its word.
func (l *Ledger) SetDoubt(d Doubt) { l.doubt = d }

type doubtRow struct {
	EventID   rowID `gorm:"primaryKey"`
	Lookup    string
	Tries     int
	DueAt     *time.Time // nil: looked up, and not confirmed
	Objection string
}

func (doubtRow) TableName() string { return "doubts" }

func newDoubtStatement() statement[doubtRow] {
	return insert("doubts", []column[doubtRow]{
		ids("event_id", func(r *doubtRow) dedup.ID { return dedup.ID(r.EventID) }),
		text("lookup", func(r *doubtRow) string { return r.Lookup }),
		moment("due_at", func(r *doubtRow) time.Time { return valueOf(r.DueAt) }),
	}, `ON CONFLICT (event_id) DO NOTHING`)
}

// noteDoubts puts inserted events on the list of those that have to be looked up.
func (r *recording) noteDoubts() error {
	if r.doubt == nil {
		return nil
	}
	var rows []doubtRow
	for _, c := range r.claimants {
		if !c.found.Inserted {
			continue
		}
		if by := r.doubt(c.first.Inbound); by != delivery.LookupNone {
			rows = append(rows, doubtRow{EventID: rowID(c.found.EventID), Lookup: string(by), DueAt: &c.first.ReceivedAt})
		}
	}
	return r.statements.deliveries.doubt.exec(r.tx, r.dialect, rows)
}

// ClaimDoubts takes events whose look-up is due, oldest first, and makes them due again after lease, should nobody settle
// them. No other process gets the same ones before. Errors: those of a ledger.
func (l *Ledger) ClaimDoubts(ctx context.Context, most int, lease time.Duration) (claimed []delivery.Doubt, err error) {
	_, err = l.transaction(ctx, func(tx *gorm.DB) error {
		now := l.now().UTC()
		var due []rowID
		choose := tx.Model(&doubtRow{}).Where("due_at <= ?", now).Order("due_at, event_id").Limit(most)
		choose = choose.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked}) // left out on SQLite
		if err := choose.Pluck("event_id", &due).Error; err != nil || len(due) == 0 {
			return translate("choose what to look up", err)
		}
		err := tx.Model(&doubtRow{}).Where("event_id IN ?", due).
			UpdateColumns(map[string]any{"due_at": now.Add(lease), "tries": gorm.Expr("tries + 1")}).Error
		if err == nil {
			claimed, err = readDoubts(tx, due)
		}
		return translate("claim what to look up", err)
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// readDoubts reads what the events have told, oldest first. An event that is gone needs no look-up.
func readDoubts(tx *gorm.DB, events []rowID) ([]delivery.Doubt, error) {
	var doubts []delivery.Doubt
	err := scanAll(tx.Table("doubts AS d").Joins("JOIN events AS e ON e.id = d.event_id").Where("d.event_id IN ?", events).
		Select("d.event_id, d.lookup, d.tries, e.source, e.kind, e.run_id, e.type, e.generation, e.dispatch_id").Order("d.event_id"),
		func(back *sql.Rows) error {
			var d delivery.Doubt
			var id rowID
			err := back.Scan(&id, &d.By, &d.Tries, &d.Source, &d.Run.Kind, &d.Run.ID, &d.Type, &d.Generation, &d.DispatchID)
			d.EventID = dedup.ID(id)
			doubts = append(doubts, d)
			return err
		})
	return doubts, err
}

// Believe takes an event off the list and lets its held deliveries go. One that is not on it is left alone. Errors: those of
// a ledger.
func (l *Ledger) Believe(ctx context.Context, event dedup.ID) (released int, err error) {
	_, err = l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		gone := tx.Where("event_id = ?", rowID(event)).Delete(&doubtRow{})
		if gone.Error != nil || gone.RowsAffected == 0 {
			return translate("believe an event", gone.Error)
		}
		held, err := l.lockChosen(tx, mostDue, func(db *gorm.DB) (*gorm.DB, bool) {
			return inStates(db, delivery.Held).Where("d.event_id = ?", rowID(event)), true
		})
		if err == nil {
			err = l.release(tx, pinned, held)
		}
		released = len(held)
		return err
	})
	if err != nil {
		return 0, err
	}
	return released, nil
}

// release makes held deliveries pending, with jobs.
func (l *Ledger) release(tx *gorm.DB, pinned *sql.Conn, held []deliveryRow) error {
	if len(held) == 0 {
		return nil
	}
	due := make([]delivery.Due, len(held))
	for i := range held {
		due[i] = held[i].dueAnew()
	}
	err := reopen(writer{tx: tx, dialect: l.dialect, statements: l.statements}, held, l.now().UTC())
	if err == nil {
		err = l.poster(tx, pinned)(due)
	}
	return translate("release deliveries", err)
}

// Disbelieve marks an event as not confirmed by its sender, and why. Its held deliveries stay. Errors: those of a ledger.
func (l *Ledger) Disbelieve(ctx context.Context, event dedup.ID, objection string) error {
	return translate("mark an event as unverified", l.db.WithContext(ctx).Model(&doubtRow{}).Where("event_id = ?", rowID(event)).
		UpdateColumns(map[string]any{"due_at": nil, "objection": storable(objection)}).Error)
}

// PostponeDoubt makes a look-up that is not settled due at a time. Errors: those of a ledger.
func (l *Ledger) PostponeDoubt(ctx context.Context, event dedup.ID, until time.Time) error {
	return translate("postpone a look-up", l.db.WithContext(ctx).Model(&doubtRow{}).
		Where("event_id = ? AND due_at IS NOT NULL", rowID(event)).UpdateColumn("due_at", until.UTC().Truncate(time.Millisecond)).Error)
}

// Doubted counts the events that wait for their look-up, and those that their sender did not confirm. Errors: those of a
// ledger.
func (l *Ledger) Doubted(ctx context.Context) (waiting, unverified int64, err error) {
	err = l.db.WithContext(ctx).Raw(`SELECT count(due_at), count(*) - count(due_at) FROM doubts`).Row().Scan(&waiting, &unverified)
	return waiting, unverified, translate("count doubts", err)
}

// deleteDoubts forgets events that are gone.
func (l *Ledger) deleteDoubts(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete doubts", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "doubts", "event_id", "event_id < ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = doubts.event_id)", "event_id",
			firstID(cutoff))
	})
}

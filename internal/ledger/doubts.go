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

// Doubt says by what an event is to be looked up at its sender before its word is taken, and whether its deliveries are held
// until then. It must not block.
type Doubt func(in *dedup.Inbound) (by delivery.Lookup, held bool)

// SetDoubt has to be called before anything is recorded. Without it every event is taken at its word.
func (l *Ledger) SetDoubt(d Doubt) { l.doubt = d }

type doubtRow struct {
	EventID     rowID `gorm:"primaryKey"`
	Lookup      string
	Tries       int
	DueAt       *time.Time // nil: looked up, and not confirmed
	Objection   string
	Held        bool   // its deliveries; meanwhile further requests for the event are kept, and it gets no mark
	Fingerprint []byte // of its first request
}

func (doubtRow) TableName() string { return "doubts" }

func newDoubtStatement() statement[doubtRow] {
	return insert("doubts", []column[doubtRow]{
		ids("event_id", func(r *doubtRow) dedup.ID { return dedup.ID(r.EventID) }),
		text("lookup", func(r *doubtRow) string { return r.Lookup }),
		moment("due_at", func(r *doubtRow) time.Time { return valueOf(r.DueAt) }),
		boolean("held", func(r *doubtRow) bool { return r.Held }),
		octets("fingerprint", func(r *doubtRow) []byte { return r.Fingerprint }),
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
		if by, held := r.doubt(c.first.Inbound); by != delivery.LookupNone {
			c.found.InDoubt = held
			rows = append(rows, doubtRow{
				EventID: rowID(c.found.EventID), Lookup: string(by), DueAt: &c.first.ReceivedAt, Held: held,
				Fingerprint: fingerprint(c.first.Inbound),
			})
		}
	}
	return r.statements.deliveries.doubt.exec(r.tx, r.dialect, rows)
}

// ClaimDoubts takes requests whose look-up is due, and makes them due again after lease, should nobody settle them: up to
// most of events' first requests and as many of others, each oldest first. No other process gets the same ones before.
// Errors: those of a ledger.
func (l *Ledger) ClaimDoubts(ctx context.Context, most int, lease time.Duration) (claimed []delivery.Doubt, err error) {
	_, err = l.transaction(ctx, func(tx *gorm.DB) error {
		claimed = nil
		for _, of := range []struct {
			table, key string
			read       func(tx *gorm.DB, due []rowID) ([]delivery.Doubt, error)
		}{{"doubts", "event_id", readDoubts}, {"retellings", "id", readRetellings}} {
			due, err := l.claimDue(tx, of.table, of.key, most, lease)
			var doubts []delivery.Doubt
			if err == nil && len(due) > 0 {
				doubts, err = of.read(tx, due)
			}
			if err != nil {
				return translate("claim what to look up", err)
			}
			claimed = append(claimed, doubts...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// claimDue gives the keys of a table's rows that are due, which then are due after the lease.
func (l *Ledger) claimDue(tx *gorm.DB, table, key string, most int, lease time.Duration) (due []rowID, err error) {
	now := l.now().UTC()
	choose := tx.Table(table).Where("due_at <= ?", now).Order("due_at, " + key).Limit(most)
	choose = choose.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked}) // left out on SQLite
	if err = choose.Pluck(key, &due).Error; err != nil || len(due) == 0 {
		return nil, err
	}
	return due, tx.Table(table).Where(key+" IN ?", due).
		UpdateColumns(map[string]any{"due_at": now.Add(lease), "tries": gorm.Expr("tries + 1")}).Error
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

// PostponeDoubt makes a look-up that is not settled due at a time. Errors: those of a ledger.
func (l *Ledger) PostponeDoubt(ctx context.Context, d *delivery.Doubt, until time.Time) error {
	db := l.db.WithContext(ctx).Table("doubts").Where("event_id = ? AND due_at IS NOT NULL", rowID(d.EventID))
	if !d.Retelling.IsZero() {
		db = l.db.WithContext(ctx).Table("retellings").Where("id = ?", rowID(d.Retelling))
	}
	return translate("postpone a look-up", db.UpdateColumn("due_at", until.UTC().Truncate(time.Millisecond)).Error)
}

// Doubted counts the events whose first request waits for its look-up, and those of which it was not confirmed. Errors: those
// of a ledger.
func (l *Ledger) Doubted(ctx context.Context) (waiting, unverified int64, err error) {
	err = l.db.WithContext(ctx).Raw(`SELECT count(due_at), count(*) - count(due_at) FROM doubts`).Row().Scan(&waiting, &unverified)
	return waiting, unverified, translate("count doubts", err)
}

// isUnverified is true of doubts whose event is not confirmed as it is on record. Further requests that still wait make no
// difference: anybody can send one every few seconds, and would hide for as long what was found out.
const isUnverified = `doubts.due_at IS NULL`

// isConfirmable is true of events that are confirmed, or that may be yet.
const isConfirmable = `NOT EXISTS (SELECT 1 FROM doubts WHERE doubts.event_id = events.id AND ` + isUnverified + `)`

// deleteDoubts forgets events that are gone.
func (l *Ledger) deleteDoubts(ctx context.Context, cutoff time.Time) error {
	for table, key := range map[string]string{"doubts": "event_id", "retellings": "id"} {
		err := l.inChunks(ctx, "delete "+table, func(tx *gorm.DB) (int64, error) {
			return deleteChunk(tx, table, key, "event_id < ? AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = "+table+".event_id)", key, firstID(cutoff))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

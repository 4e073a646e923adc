package ledger

import (
	"context"
	"crypto/sha256"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// otherBodyRow is the body of a repeat that differs from its event's, named by the repeat's receipt.
type otherBodyRow struct {
	EventID     rowID
	BodyHash    []byte // SHA-256
	ReceiptID   rowID
	ReceivedAt  time.Time
	DispatchID  string
	ContentType string
	BodyBytes   int64
	Body        []byte
}

func (otherBodyRow) TableName() string { return "other_bodies" }

func newOtherBody(o *dedup.OtherBody) otherBodyRow {
	sum := sha256.Sum256(o.Body)
	return otherBodyRow{
		EventID: rowID(o.EventID), BodyHash: sum[:], ReceiptID: rowID(o.ReceiptID), ReceivedAt: o.ReceivedAt,
		DispatchID: storable(o.DispatchID), ContentType: storable(o.ContentType), BodyBytes: int64(len(o.Body)), Body: o.Body,
	}
}

func (r *otherBodyRow) view() view.OtherBody {
	return view.OtherBody{
		ReceiptID: r.ReceiptID.String(), ReceivedAt: r.ReceivedAt.UTC(), DispatchID: r.DispatchID, ContentType: r.ContentType, BodyBytes: r.BodyBytes,
	}
}

// offeredBody is an other body on its way into the table.
type offeredBody struct {
	otherBodyRow
	most int
}

func newOtherBodyStatement() statement[offeredBody] {
	stored := []column[offeredBody]{
		ids("event_id", func(r *offeredBody) dedup.ID { return dedup.ID(r.EventID) }),
		octets("body_hash", func(r *offeredBody) []byte { return r.BodyHash }),
		ids("receipt_id", func(r *offeredBody) dedup.ID { return dedup.ID(r.ReceiptID) }),
		moment("received_at", func(r *offeredBody) time.Time { return r.ReceivedAt }),
		text("dispatch_id", func(r *offeredBody) string { return r.DispatchID }),
		text("content_type", func(r *offeredBody) string { return r.ContentType }),
		number("body_bytes", func(r *offeredBody) int64 { return r.BodyBytes }),
		octets("body", func(r *offeredBody) []byte { return r.Body }),
	}
	list := names(stored)
	// What tells again an event that is held is kept with its doubt, and looked up. nth counts those of the batch that are new.
	return over(append(stored, number("most", func(r *offeredBody) int64 { return int64(r.most) })), `
INSERT INTO other_bodies (`+list+`)
SELECT `+list+` FROM (
    SELECT v.*, row_number() OVER (PARTITION BY v.event_id ORDER BY v.receipt_id) AS nth
    FROM v JOIN events e ON e.id = v.event_id
    WHERE e.body <> v.body AND NOT EXISTS (SELECT 1 FROM doubts d WHERE d.event_id = v.event_id AND d.held)
        AND NOT EXISTS (SELECT 1 FROM other_bodies o WHERE o.event_id = v.event_id AND o.body_hash = v.body_hash)
) AS f
WHERE f.nth + (SELECT count(*) FROM other_bodies o WHERE o.event_id = f.event_id) <= f.most
ON CONFLICT DO NOTHING`)
}

// SetOtherBodies says how many other bodies are kept beside an event. It has to be called before anything is recorded, and
// most is asked each time; without it none are kept.
func (l *Ledger) SetOtherBodies(most func() int) { l.others = most }

func (l *Ledger) mostOtherBodies() int {
	if l.others == nil {
		return 0
	}
	return l.others()
}

// KeepOtherBodies keeps, beside each event, the bodies that differ from its own and from those kept before, the earliest
// first, up to the number set; two calls at once may keep a few more. An event whose body is purged gets none. It tells how
// many were kept. Errors: those of a ledger.
func (l *Ledger) KeepOtherBodies(ctx context.Context, offered []dedup.OtherBody) (kept int, err error) {
	rows := offeredBodies(offered, l.mostOtherBodies())
	_, err = l.transaction(ctx, func(tx *gorm.DB) error {
		var err error
		kept, err = writer{tx: tx, dialect: l.dialect, statements: l.statements}.keepOtherBodies(rows)
		return translate("keep other bodies", err)
	})
	if err != nil {
		return 0, err
	}
	return kept, nil
}

func (w writer) keepOtherBodies(rows []offeredBody) (kept int, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	if err = w.dialect.planAfresh(w.tx); err != nil {
		return 0, err
	}
	for part, args := range w.statements.otherBodies.bind(w.dialect, rows) {
		done := w.tx.Exec(part, args...)
		if done.Error != nil {
			return 0, done.Error
		}
		kept += int(done.RowsAffected)
	}
	return kept, nil
}

// offeredBodies are rows of which no two are the same body of one event.
func offeredBodies(offered []dedup.OtherBody, most int) []offeredBody {
	type body struct {
		event dedup.ID
		hash  [sha256.Size]byte
	}
	seen := map[body]bool{}
	rows := make([]offeredBody, 0, len(offered))
	for i := range offered {
		row := newOtherBody(&offered[i])
		key := body{offered[i].EventID, [sha256.Size]byte(row.BodyHash)}
		if !seen[key] {
			seen[key] = true
			rows = append(rows, offeredBody{row, most})
		}
	}
	return rows
}

// deleteOtherBodies deletes those of events that are gone.
func (l *Ledger) deleteOtherBodies(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete other bodies", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "other_bodies", "event_id, body_hash",
			"event_id < ? AND NOT EXISTS (SELECT 1 FROM events WHERE events.id = event_id)", "event_id", firstID(cutoff))
	})
}

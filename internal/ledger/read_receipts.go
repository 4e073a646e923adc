package ledger

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Receipts lists receipts, newest first. Those of duplicates that Redis alone has told may come late, at the place of the
// time they were received. Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
func (l *Ledger) Receipts(ctx context.Context, q view.ReceiptQuery) (view.Page[view.Receipt], error) {
	none := nothing[view.Receipt]()
	if !searchable(q.Source, q.Outcome, q.Reason, q.Repeat) {
		return none, nil
	}
	db := equals(l.reads.WithContext(ctx), [2]string{"source", q.Source}, [2]string{"outcome", q.Outcome},
		[2]string{"reason", q.Reason}, [2]string{"repeat", q.Repeat})
	if q.EventID != "" {
		id, err := parseRowID(q.EventID)
		if errors.Is(err, view.ErrNotFound) {
			return none, nil
		}
		db = db.Where("event_id = ?", id)
	}
	db, err := receiptsAfter(between(db, "received_at", q.Range), q.Cursor)
	if err != nil {
		return none, err
	}
	var rows []receiptRow
	if err = db.Order("received_at DESC, id DESC").Limit(view.ClampLimit(q.Limit) + 1).Find(&rows).Error; err != nil {
		return none, translate("list receipts", err)
	}
	return page(rows, q.Limit, (*receiptRow).cursor, (*receiptRow).view), nil
}

func receiptsAfter(db *gorm.DB, cursor string) (*gorm.DB, error) {
	if cursor == "" {
		return db, nil
	}
	c, err := view.DecodeCursor(cursor)
	if err != nil {
		return nil, err
	}
	id, err := dedup.ParseID(c.Tie)
	if err != nil {
		return nil, view.ErrBadCursor
	}
	return db.Where("(received_at, id) < (?, ?)", c.At, rowID(id)), nil
}

func (r *receiptRow) cursor() view.Cursor {
	return view.Cursor{At: r.ReceivedAt, Tie: r.ID.String()}
}

func (r *receiptRow) view() view.Receipt {
	return view.Receipt{
		ID: r.ID.String(), ReceivedAt: r.ReceivedAt.UTC(), Source: r.Source, Outcome: r.Outcome, Reason: r.Reason, Repeat: r.Repeat,
		EventID: idText(r.EventID), QuarantineID: idText(r.QuarantineID), Type: r.Type, DispatchID: r.DispatchID,
		LagMillis: r.LagMillis, Degraded: r.Degraded, RemoteIP: r.RemoteIP, Via: r.Via,
	}
}

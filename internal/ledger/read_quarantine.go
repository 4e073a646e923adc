package ledger

import (
	"context"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/view"
)

// listedQuarantine selects all of a quarantined request but its body.
func listedQuarantine(db *gorm.DB) *gorm.DB {
	return db.Model(&quarantineRow{}).Select(`id, source, reason, message, dispatch_id, content_type, headers, body_bytes, truncated,
hits, first_receipt_id, first_seen_at, last_seen_at, replayed_at, replay_event_id`)
}

// Quarantine lists quarantined requests, those first seen last at the top. Errors: [view.ErrBadCursor],
// [dedup.ErrUnavailable].
func (l *Ledger) Quarantine(ctx context.Context, q view.QuarantineQuery) (view.Page[view.Quarantined], error) {
	if !searchable(q.Source, q.Reason) {
		return nothing[view.Quarantined](), nil
	}
	db := equals(listedQuarantine(l.reads.WithContext(ctx)), [2]string{"source", q.Source}, [2]string{"reason", q.Reason})
	if q.Replayed != nil && *q.Replayed {
		db = db.Where("replayed_at IS NOT NULL")
	} else if q.Replayed != nil {
		db = db.Where("replayed_at IS NULL")
	}
	db, err := byID(idBetween(db, q.Range), q.Paging)
	if err != nil {
		return view.Page[view.Quarantined]{}, err
	}
	var rows []quarantineRow
	if err = db.Find(&rows).Error; err != nil {
		return view.Page[view.Quarantined]{}, translate("list quarantine", err)
	}
	return page(rows, q.Limit, (*quarantineRow).cursor, (*quarantineRow).view), nil
}

// Quarantined reads one quarantined request. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) Quarantined(ctx context.Context, id string) (view.Quarantined, error) {
	key, err := parseRowID(id)
	if err != nil {
		return view.Quarantined{}, err
	}
	var row quarantineRow
	if err := listedQuarantine(l.reads.WithContext(ctx)).Where("id = ?", key).Take(&row).Error; err != nil {
		return view.Quarantined{}, found("read quarantined request", err)
	}
	return row.view(), nil
}

// QuarantineBody reads what was kept of a quarantined request's body. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) QuarantineBody(ctx context.Context, id string) (view.Body, error) {
	key, err := parseRowID(id)
	if err != nil {
		return view.Body{}, err
	}
	var row quarantineRow
	err = l.reads.WithContext(ctx).Select("content_type", "body").Where("id = ?", key).Take(&row).Error
	return storedBody(row.ContentType, row.Body), found("read quarantined body", err)
}

// MarkReplayed notes that a quarantined request has become an event, and who asked for it. A request that was marked
// before keeps its first mark; the audit has both. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) MarkReplayed(ctx context.Context, id, eventID, actor, reason string) error {
	key, err := parseRowID(id)
	if err != nil {
		return err
	}
	event, err := parseRowID(eventID)
	if err != nil {
		return err
	}
	err = l.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Select("id").Where("id = ?", key).Take(&quarantineRow{}).Error; err != nil {
			return err
		}
		now := l.now().UTC()
		err := tx.Model(&quarantineRow{}).Where("id = ? AND replayed_at IS NULL", key).
			UpdateColumns(map[string]any{"replayed_at": now, "replay_event_id": event}).Error
		if err != nil {
			return err
		}
		return writeAudit(tx, now, AuditEntry{
			Actor: actor, Action: "quarantine.replay", Target: key.String(), Reason: reason, Detail: "event " + event.String(),
		})
	})
	return found("mark as replayed", err)
}

func (r *quarantineRow) cursor() view.Cursor {
	return view.Cursor{At: r.FirstSeenAt, Tie: r.ID.String()}
}

func (r *quarantineRow) view() view.Quarantined {
	return view.Quarantined{
		ID: r.ID.String(), Source: r.Source, Reason: r.Reason, Message: r.Message, FirstSeenAt: r.FirstSeenAt.UTC(),
		LastSeenAt: r.LastSeenAt.UTC(), Hits: r.Hits, DispatchID: r.DispatchID, ContentType: r.ContentType,
		Headers: rawJSON(r.Headers), BodyBytes: r.BodyBytes, Truncated: r.Truncated,
		ReplayedAt: utc(r.ReplayedAt), ReplayEvent: idText(r.ReplayEventID),
	}
}

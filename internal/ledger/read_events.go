package ledger

import (
	"context"
	"encoding/json"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// eventListRow is an event without its body.
type eventListRow struct {
	Event       eventRow `gorm:"embedded"`
	BodyPurged  bool
	OtherBodies int64
	Doubt       string
}

// listedEvents selects all of an event but its body.
func listedEvents(db *gorm.DB) *gorm.DB {
	return db.Model(&eventRow{}).Select(`id, source, event_key, type, kind, run_id, actor_id, task_id, generation, dispatch_id,
seq, outcome, hits + COALESCE((SELECT w.hits FROM window_hits w WHERE w.event_id = events.id), 0) AS hits, first_receipt_id,
received_at, occurred_at, content_type, headers, body_bytes, body IS NULL AS body_purged,
(SELECT count(*) FROM other_bodies o WHERE o.event_id = events.id) AS other_bodies,
COALESCE((SELECT CASE WHEN ` + isUnverified + ` THEN '` + view.DoubtUnverified + `' ELSE '` + view.DoubtWaiting + `' END
FROM doubts WHERE doubts.event_id = events.id), '') AS doubt`)
}

// Events lists events, newest first. By run, it lists the events that are the run's own: a TEST that names it is not.
// Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
func (l *Ledger) Events(ctx context.Context, q view.EventQuery) (view.Page[view.Event], error) {
	if !searchable(q.Source, q.Type, q.Kind, q.RunID, q.DispatchID) {
		return nothing[view.Event](), nil
	}
	db := equals(listedEvents(l.reads.WithContext(ctx)),
		[2]string{"source", q.Source}, [2]string{"type", q.Type}, [2]string{"kind", q.Kind},
		[2]string{"run_id", q.RunID}, [2]string{"dispatch_id", q.DispatchID})
	if q.RunID != "" {
		db = ofAnyRun(db, q.RunID)
	}
	db, err := byID(idBetween(db, q.Range), q.Paging)
	if err != nil {
		return view.Page[view.Event]{}, err
	}
	var rows []eventListRow
	if err = db.Find(&rows).Error; err != nil {
		return view.Page[view.Event]{}, translate("list events", err)
	}
	return page(rows, q.Limit, (*eventListRow).cursor, (*eventListRow).view), nil
}

// ofAnyRun selects the events of the run and of the build with an id: by their keys, since there is no index on run_id.
func ofAnyRun(db *gorm.DB, runID string) *gorm.DB {
	fromRun, toRun := keysOfRun(dedup.KindRun, runID)
	fromBuild, toBuild := keysOfRun(dedup.KindBuild, runID)
	return db.Where("(event_key >= ? AND event_key < ? OR event_key >= ? AND event_key < ?)", fromRun, toRun, fromBuild, toBuild)
}

// Event reads one event. Errors: [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) Event(ctx context.Context, id string) (view.Event, error) {
	key, err := parseRowID(id)
	if err != nil {
		return view.Event{}, err
	}
	var row eventListRow
	if err := listedEvents(l.reads.WithContext(ctx)).Where("id = ?", key).Take(&row).Error; err != nil {
		return view.Event{}, found("read event", err)
	}
	return row.view(), nil
}

// EventBody reads an event's body as it was received. Errors: [view.ErrNotFound], also when it was purged;
// [dedup.ErrUnavailable].
func (l *Ledger) EventBody(ctx context.Context, id string) (view.Body, error) {
	key, err := parseRowID(id)
	if err != nil {
		return view.Body{}, err
	}
	var row eventRow
	err = l.reads.WithContext(ctx).Select("content_type", "body").Where("id = ? AND body IS NOT NULL", key).Take(&row).Error
	return storedBody(row.ContentType, row.Body), found("read event body", err)
}

// OtherBodies lists the bodies that are kept beside an event's own, oldest first. Errors: [view.ErrNotFound], where there is no
// such event; [dedup.ErrUnavailable].
func (l *Ledger) OtherBodies(ctx context.Context, id string) ([]view.OtherBody, error) {
	e, err := l.Event(ctx, id)
	if err != nil || e.OtherBodies == 0 {
		return nil, err
	}
	var rows []otherBodyRow
	err = l.reads.WithContext(ctx).Omit("body", "body_hash").Where("event_id = ?", e.ID).Order("receipt_id").Find(&rows).Error
	others := make([]view.OtherBody, len(rows))
	for i := range rows {
		others[i] = rows[i].view()
	}
	return others, translate("list other bodies", err)
}

// OtherBody reads the body of an event's repeat that is kept beside the event's own, as it was received. Errors:
// [view.ErrNotFound], [dedup.ErrUnavailable].
func (l *Ledger) OtherBody(ctx context.Context, eventID, receiptID string) (view.Body, error) {
	event, err := parseRowID(eventID)
	if err != nil {
		return view.Body{}, err
	}
	receipt, err := parseRowID(receiptID)
	if err != nil {
		return view.Body{}, err
	}
	var row otherBodyRow
	err = l.reads.WithContext(ctx).Select("content_type", "body").Where("event_id = ? AND receipt_id = ?", event, receipt).Take(&row).Error
	return storedBody(row.ContentType, row.Body), found("read other body", err)
}

// storedBody is a body that is there: never nil, which SQLite's driver makes of an empty one.
func storedBody(contentType string, body []byte) view.Body {
	if body == nil {
		body = []byte{}
	}
	return view.Body{ContentType: contentType, Bytes: body}
}

func (l *eventListRow) cursor() view.Cursor {
	return view.Cursor{At: l.Event.ReceivedAt, Tie: l.Event.ID.String()}
}

func (l *eventListRow) view() view.Event {
	r := &l.Event
	return view.Event{
		ID: r.ID.String(), Source: r.Source, Key: r.EventKey, Type: r.Type, Kind: r.Kind, RunID: r.RunID, ActorID: r.ActorID,
		TaskID: r.TaskID, Generation: r.Generation, DispatchID: r.DispatchID, Seq: r.Seq, Outcome: r.Outcome, Hits: r.Hits,
		FirstReceiptID: r.FirstReceiptID.String(), ReceivedAt: r.ReceivedAt.UTC(), OccurredAt: utc(r.OccurredAt),
		ContentType: r.ContentType, Headers: rawJSON(r.Headers), BodyBytes: r.BodyBytes, BodyPurged: l.BodyPurged,
		OtherBodies: l.OtherBodies, Doubt: l.Doubt,
	}
}

// rawJSON passes stored JSON on; anything else would make the whole answer unreadable and is left out.
func rawJSON(s string) json.RawMessage {
	if s == "" || !json.Valid([]byte(s)) {
		return nil
	}
	return json.RawMessage(s)
}

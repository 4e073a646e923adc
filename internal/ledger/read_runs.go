package ledger

import (
	"context"
	"encoding/binary"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Runs lists runs and builds, those first seen last at the top. Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
func (l *Ledger) Runs(ctx context.Context, q view.RunQuery) (view.Page[view.Run], error) {
	if !searchable(q.Source, q.Kind, q.RunID, q.Status, q.ActorID, q.TaskID) {
		return nothing[view.Run](), nil
	}
	db := equals(l.reads.WithContext(ctx),
		[2]string{"run_id", q.RunID}, [2]string{"source", q.Source}, [2]string{"kind", q.Kind},
		[2]string{"status", q.Status}, [2]string{"actor_id", q.ActorID}, [2]string{"task_id", q.TaskID})
	db, err := runsAfter(between(db, "first_seen_at", q.Range), q.Cursor)
	if err != nil {
		return view.Page[view.Run]{}, err
	}
	var rows []runRow
	err = db.Order("first_seen_at DESC, run_id DESC, kind DESC, source DESC").
		Limit(view.ClampLimit(q.Limit) + 1).Find(&rows).Error
	if err != nil {
		return view.Page[view.Run]{}, translate("list runs", err)
	}
	return page(rows, q.Limit, (*runRow).cursor, (*runRow).view), nil
}

// runsAfter starts behind a cursor. The index has the first two columns; the others only tell apart what two sources, or a
// run and a build, first told with one id in the same millisecond.
func runsAfter(db *gorm.DB, cursor string) (*gorm.DB, error) {
	if cursor == "" {
		return db, nil
	}
	c, err := view.DecodeCursor(cursor)
	if err != nil {
		return nil, err
	}
	tie, err := splitTie(c.Tie, 3)
	if err != nil {
		return nil, err
	}
	return db.Where("(first_seen_at, run_id, kind, source) < (?, ?, ?, ?)", append([]any{c.At}, tie...)...), nil
}

func (r *runRow) cursor() view.Cursor {
	return view.Cursor{At: r.FirstSeenAt, Tie: joinTie(r.RunID, r.Kind, r.Source)}
}

func (r *runRow) view() view.Run {
	v := view.Run{
		Source: r.Source, Kind: r.Kind, RunID: r.RunID, Status: r.Status, ActorID: r.ActorID, TaskID: r.TaskID,
		OccurredAt: utc(r.OccurredAt), FirstSeenAt: r.FirstSeenAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Events: r.Events,
	}
	if len(r.Version) >= 4 { // dedup.Version.Encode: the life comes first
		v.Life = int(binary.BigEndian.Uint32(r.Version))
	}
	return v
}

// The longest timeline that is given out.
const (
	maxTimelineEvents   = 1000
	maxTimelineReceipts = 1000
)

// Timeline is a run with its events and their receipts, oldest first. Source and kind may be empty where the id alone is
// clear. Errors: [view.ErrNotFound], [view.ErrAmbiguous], [dedup.ErrUnavailable].
func (l *Ledger) Timeline(ctx context.Context, source, kind, runID string) (view.Timeline, error) {
	if runID == "" || !searchable(source, kind, runID) {
		return view.Timeline{}, view.ErrNotFound
	}
	var runs []runRow
	err := equals(l.reads.WithContext(ctx), [2]string{"run_id", runID}, [2]string{"kind", kind}, [2]string{"source", source}).
		Order("run_id, kind, source").Limit(2).Find(&runs).Error
	switch {
	case err != nil:
		return view.Timeline{}, translate("read run", err)
	case len(runs) == 0:
		return view.Timeline{}, view.ErrNotFound
	case len(runs) > 1:
		return view.Timeline{}, view.ErrAmbiguous
	}
	t := view.Timeline{Run: runs[0].view()}
	if err = l.timelineEvents(ctx, &runs[0], &t); err == nil {
		err = l.timelineReceipts(ctx, &runs[0], &t)
	}
	return t, translate("read timeline", err)
}

func (l *Ledger) timelineEvents(ctx context.Context, run *runRow, t *view.Timeline) error {
	var rows []eventListRow
	err := ofRun(listedEvents(l.reads.WithContext(ctx)), run).Order("id").Limit(maxTimelineEvents + 1).Find(&rows).Error
	if t.EventsCut = len(rows) > maxTimelineEvents; t.EventsCut {
		rows = rows[:maxTimelineEvents]
	}
	for i := range rows {
		t.Events = append(t.Events, rows[i].view())
	}
	return err
}

func (l *Ledger) timelineReceipts(ctx context.Context, run *runRow, t *view.Timeline) error {
	var rows []receiptRow
	events := ofRun(l.reads.WithContext(ctx).Model(&eventRow{}), run).Select("id")
	err := l.reads.WithContext(ctx).Where("event_id IN (?)", events).
		Order("received_at, id").Limit(maxTimelineReceipts + 1).Find(&rows).Error
	if t.ReceiptsCut = len(rows) > maxTimelineReceipts; t.ReceiptsCut {
		rows = rows[:maxTimelineReceipts]
	}
	for i := range rows {
		t.Receipts = append(t.Receipts, rows[i].view())
	}
	return err
}

// ofRun selects a run's events by the start of their key, which the unique index is ordered by. TEST events are not a
// run's, even when they name one.
func ofRun(db *gorm.DB, run *runRow) *gorm.DB {
	from, to := keysOfRun(dedup.Kind(run.Kind), run.RunID)
	return db.Where("event_key >= ? AND event_key < ? AND source = ?", from, to, run.Source)
}

// keysOfRun bounds the keys of a run's events: from is inclusive, to exclusive.
func keysOfRun(kind dedup.Kind, runID string) (from, to string) {
	tag := "r"
	if kind == dedup.KindBuild {
		tag = "b"
	}
	prefix := dedup.Compose(tag, runID)
	return prefix + ":", prefix + ";" // the byte after the colon
}

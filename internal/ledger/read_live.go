package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// ReceiptMarks lists the receipts received at a time or later, newest first: from an index alone, so that it can be asked
// several times a second. Errors: [dedup.ErrUnavailable].
func (l *Ledger) ReceiptMarks(ctx context.Context, since time.Time, limit int) ([]view.ReceiptMark, error) {
	list := make([]view.ReceiptMark, 0, limit)
	const newest = "SELECT received_at, id FROM receipts WHERE received_at >= ? ORDER BY received_at DESC, id DESC LIMIT ?"
	query := l.reads.WithContext(ctx).Raw(newest, since.UTC(), limit)
	err := scanAll(query, func(rows *sql.Rows) error {
		var m view.ReceiptMark
		var id rowID
		err := rows.Scan(&m.ReceivedAt, &id)
		m.ReceivedAt, m.ID = m.ReceivedAt.UTC(), id
		list = append(list, m)
		return err
	})
	return list, translate("look for new receipts", err)
}

// LiveReceipts reads the marked receipts with what their events say of the run, oldest first. Errors: [dedup.ErrUnavailable].
func (l *Ledger) LiveReceipts(ctx context.Context, marks []view.ReceiptMark) ([]view.LiveReceipt, error) {
	list := make([]view.LiveReceipt, 0, len(marks))
	err := liveStatement().query(l.reads.WithContext(ctx), l.dialect, marks, func(rows *sql.Rows) error {
		var r receiptRow
		var kind, runID, actorID, taskID sql.NullString
		err := rows.Scan(&r.ReceivedAt, &r.ID, &r.Source, &r.Outcome, &r.Reason, &r.Repeat, &r.EventID, &r.QuarantineID, &r.Type, &r.DispatchID,
			&r.LagMillis, &r.Degraded, &r.RemoteIP, &r.Via, &kind, &runID, &actorID, &taskID)
		list = append(list, view.LiveReceipt{
			Receipt: r.view(), Kind: kind.String, RunID: runID.String, ActorID: actorID.String, TaskID: taskID.String,
		})
		return err
	})
	return list, translate("read new receipts", err)
}

func liveStatement() statement[view.ReceiptMark] {
	return over([]column[view.ReceiptMark]{
		moment("received_at", func(m *view.ReceiptMark) time.Time { return m.ReceivedAt }),
		ids("id", func(m *view.ReceiptMark) dedup.ID { return m.ID }),
	}, `
SELECT r.received_at, r.id, r.source, r.outcome, r.reason, r.repeat, r.event_id, r.quarantine_id, r.type, r.dispatch_id,
       r.lag_ms, r.degraded, r.remote_ip, r.via, e.kind, e.run_id, e.actor_id, e.task_id
FROM v JOIN receipts r ON r.received_at = v.received_at AND r.id = v.id LEFT JOIN events e ON e.id = r.event_id
ORDER BY r.received_at, r.id`)
}

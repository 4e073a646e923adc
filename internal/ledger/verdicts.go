package ledger

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// readVerdicts gives the verdicts of those entries whose receipts are stored, by receipt id.
func (l *Ledger) readVerdicts(ctx context.Context, batch []*dedup.Entry) (map[dedup.ID]dedup.Verdict, dedup.Incarnation, error) {
	rows := make([]receiptRow, len(batch))
	for i, e := range batch {
		rows[i] = receiptRow{ReceivedAt: e.ReceivedAt, ID: rowID(e.ReceiptID)}
	}
	told := make(map[dedup.ID]dedup.Verdict, len(batch))
	inc, err := l.transaction(ctx, func(tx *gorm.DB) error {
		return translate("read verdicts back", l.statements.readVerdicts.query(tx, l.dialect, rows, func(back *sql.Rows) error {
			id, verdict, err := scanVerdict(back)
			told[id] = verdict
			return err
		}))
	})
	return told, inc, err
}

// scanVerdict makes the verdict that [dedup.Decide] had given: what it had from the ledger is in the event's row.
func scanVerdict(back *sql.Rows) (dedup.ID, dedup.Verdict, error) {
	var (
		v                    dedup.Verdict
		id                   rowID
		eventID, quarantined *rowID
		dispatchID           string
	)
	err := back.Scan(&id, &v.Outcome, &v.Reason, &v.Repeat, &eventID, &quarantined, &v.Degraded, &dispatchID, &v.Seq, &v.InDoubt)
	v.EventID, v.QuarantineID = dedup.ID(valueOf(eventID)), dedup.ID(valueOf(quarantined))
	if !v.EventID.IsZero() {
		v.FirstTag = dedup.DispatchTag(dispatchID)
	}
	if v.Outcome == dedup.OutcomeDuplicate {
		v.Seq = 0
	}
	return dedup.ID(id), v, err
}

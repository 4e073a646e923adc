package ledger

import (
	"bytes"
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// writer is what every write needs: a transaction, and a shard of the counters for as long as it lasts.
type writer struct {
	tx         *gorm.DB
	dialect    dialect
	statements *statements
	shard      int32
}

func newReceipt(in *dedup.Inbound, v *dedup.Verdict) receiptRow {
	row := receiptRow{
		ReceivedAt: in.ReceivedAt, ID: rowID(in.ReceiptID), Source: in.Key.Source,
		Outcome: string(v.Outcome), Reason: string(v.Reason), Repeat: string(v.Repeat),
		EventID: optionalID(v.EventID), QuarantineID: optionalID(v.QuarantineID),
		Type: in.Type, DispatchID: in.DispatchID, Degraded: v.Degraded, RemoteIP: in.RemoteIP, Via: string(in.Via),
	}
	row.setLag()
	return row
}

// setLag says how long after the event's first receipt a duplicate came; 0 when replicas' clocks disagree.
func (r *receiptRow) setLag() {
	if r.Outcome == string(dedup.OutcomeDuplicate) && r.EventID != nil {
		lag := max(0, r.ReceivedAt.Sub(dedup.ID(*r.EventID).Time()).Milliseconds())
		r.LagMillis = &lag
	}
}

// compareReceipts is the order in which receipts are stored, so that two writers of the same ones, a drainer and a
// committer, never wait for each other in a circle.
func compareReceipts(a, b receiptRow) int { return bytes.Compare(a.ID[:], b.ID[:]) }

// insertReceipts stores the receipts that are not there yet, and tells which those were. It sorts rows.
func (w writer) insertReceipts(rows []receiptRow) (isNew func(dedup.ID) bool, err error) {
	slices.SortFunc(rows, compareReceipts)
	stored := make(map[dedup.ID]struct{}, len(rows))
	err = w.statements.receipts.query(w.tx, w.dialect, rows, func(back *sql.Rows) error {
		var id rowID
		err := back.Scan(&id)
		stored[dedup.ID(id)] = struct{}{}
		return err
	})
	return func(id dedup.ID) bool { _, ok := stored[id]; return ok }, err
}

// execLater runs a statement over rows of which nothing has to be known before the transaction goes on. Where statements travel
// together it waits for the next one, which tells its failure; the rows must not be changed meanwhile.
func execLater[R any](w writer, s statement[R], rows []R) error {
	for part, args := range s.bind(w.dialect, rows) {
		if j := journeyOf(w.tx.Statement.Context); j != nil {
			j.waits = true
		}
		if err := w.tx.Exec(part, args...).Error; err != nil {
			return err
		}
	}
	return nil
}

// last runs the transaction's last statement, which has to fail where it must not be committed. Where COMMIT travels along
// the statement is not repeated, and nothing can follow it.
func (w writer) last(c carried) error {
	ctx := w.tx.Statement.Context
	if err := ctx.Err(); err != nil {
		return err
	}
	if j := journeyOf(ctx); j != nil {
		j.last = true
	}
	return w.tx.Exec(c.sql, c.args...).Error
}

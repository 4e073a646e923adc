package ledger

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// RecordHits implements [dedup.HitSink]. Errors: those of a ledger. After ErrUnclear the same hits can be recorded again.
func (l *Ledger) RecordHits(ctx context.Context, hits []dedup.Hit) error {
	if len(hits) == 0 {
		return nil
	}
	shard := l.shards.take()
	defer l.shards.give(shard)
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		return translate("record hits", writer{tx, l.dialect, l.statements, shard}.storeHits(hits))
	})
	return err
}

// storeHits counts only the receipts that were not there yet, each once even if the log holds it twice.
func (w writer) storeHits(hits []dedup.Hit) error {
	rows := make([]receiptRow, len(hits))
	for i := range hits {
		rows[i] = hitReceipt(&hits[i])
	}
	slices.SortFunc(rows, compareReceipts)
	rows = slices.CompactFunc(rows, func(a, b receiptRow) bool { return a.ID == b.ID })
	isNew, err := w.insertReceipts(rows)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r receiptRow) bool { return !isNew(dedup.ID(r.ID)) })
	repeats := make(map[dedup.ID]int64)
	for i := range rows {
		repeats[dedup.ID(valueOf(rows[i].EventID))]++
	}
	return w.countLast(rows, repeats)
}

func hitReceipt(h *dedup.Hit) receiptRow {
	row := receiptRow{
		ReceivedAt: h.ReceivedAt, ID: rowID(h.ReceiptID), Source: h.Source,
		Outcome: string(dedup.OutcomeDuplicate), Reason: string(dedup.ReasonWindowHit), Repeat: string(h.Repeat),
		EventID: optionalID(h.EventID), Type: h.Type, DispatchID: h.DispatchID, RemoteIP: h.RemoteIP, Via: string(dedup.ViaWebhook),
	}
	row.setLag()
	return row
}

// deleteWindowHits deletes the counts of events that are gone.
func (l *Ledger) deleteWindowHits(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete hits", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "window_hits", "event_id",
			"event_id < ? AND NOT EXISTS (SELECT 1 FROM events WHERE events.id = event_id)", "event_id", firstID(cutoff))
	})
}

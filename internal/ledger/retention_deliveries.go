package ledger

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// deleteAttempts deletes the attempts of deliveries that are over.
func (l *Ledger) deleteAttempts(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete attempts", func(tx *gorm.DB) (int64, error) {
		return deleteChunk(tx, "attempts", "delivery_id, number",
			"delivery_id < ? AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = attempts.delivery_id AND d.phase = 0)",
			"delivery_id, number", firstID(cutoff))
	})
}

// deleteDeliveries deletes what is over, or left held, and has lost its event, with its attempts.
func (l *Ledger) deleteDeliveries(ctx context.Context, cutoff time.Time) error {
	return l.inChunks(ctx, "delete deliveries", func(tx *gorm.DB) (int64, error) {
		var ids []rowID
		err := tx.Table("deliveries AS d").
			Where("d.id < ? AND (d.phase > 0 OR d.state = 'held') AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = d.event_id)", firstID(cutoff)).
			Order("d.id").Limit(retentionChunk).Pluck("d.id", &ids).Error
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		if err = tx.Where("delivery_id IN ?", ids).Delete(&attemptRow{}).Error; err != nil {
			return 0, err
		}
		// Asked again: an operator may have taken one up meanwhile.
		done := tx.Where("id IN ? AND (phase > 0 OR state = 'held')", ids).Delete(&deliveryRow{})
		return done.RowsAffected, done.Error
	})
}

package ledger

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type pauseRow struct {
	Destination string `gorm:"primaryKey"`
	Since       time.Time
}

func (pauseRow) TableName() string { return "pauses" }

// pauseLock is an advisory lock: whoever begins attempts shares it to the end of his transaction, whoever pauses has it alone.
// The number is "pauses" in ASCII.
const pauseLock = "123563884635507"

// SetPaused pauses a destination or ends its pause. When it has paused one no attempt begins any more, in no process; those
// that have begun before are under way. Errors: [dedup.ErrUnavailable], [dedup.ErrContended], [dedup.ErrUnclear].
func (l *Ledger) SetPaused(ctx context.Context, destination string, paused bool) error {
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		err := l.dialect.lockPauses(tx)
		switch row := (pauseRow{Destination: destination, Since: l.now().UTC()}); {
		case err != nil:
		case paused:
			err = tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
		default:
			err = tx.Delete(&row).Error
		}
		return translate("pause a destination", err)
	})
	return err
}

// Paused names the destinations that are paused. Errors: [dedup.ErrUnavailable].
func (l *Ledger) Paused(ctx context.Context) (names []string, err error) {
	err = l.reads.WithContext(ctx).Model(&pauseRow{}).Order("destination").Pluck("destination", &names).Error
	return names, translate("list pauses", err)
}

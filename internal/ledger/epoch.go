package ledger

import (
	"context"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// BumpEpoch begins a new incarnation of the same database: every mark made before counts no more, in any gateway, within
// a second. It is a step of every restore. Errors: those of a ledger.
func (l *Ledger) BumpEpoch(ctx context.Context, actor, reason string) error {
	now := l.now().UTC()
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		err := tx.Exec("UPDATE installation SET id = ?, created_at = ?", rowID(dedup.NewID(now)), now).Error
		if err == nil {
			err = writeAudit(tx, now, AuditEntry{Actor: actor, Action: "epoch.bump", Target: "database", Reason: reason})
		}
		return translate("bump the epoch", err)
	})
	return err
}

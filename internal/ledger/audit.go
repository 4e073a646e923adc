package ledger

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// AuditEntry says who changed what, and why. It never holds a secret.
type AuditEntry struct {
	Actor  string
	Action string // "<what>.<verb>", such as "quarantine.replay"
	Target string // id of what was changed
	Reason string // the actor's own words
	Detail string
}

// Audit keeps an entry.
func (l *Ledger) Audit(ctx context.Context, e AuditEntry) error {
	return translate("write the audit", writeAudit(l.db.WithContext(ctx), l.now(), e))
}

// writeAudit keeps an entry in the transaction of what it speaks of.
func writeAudit(tx *gorm.DB, at time.Time, e AuditEntry) error {
	at = at.UTC().Truncate(time.Millisecond)
	return tx.Create(&auditRow{
		ID: rowID(dedup.NewID(at)), At: at,
		Actor: storable(e.Actor), Action: e.Action, Target: storable(e.Target), Reason: storable(e.Reason), Detail: storable(e.Detail),
	}).Error
}

// storable replaces what no database takes as text: an operator's words must not keep a change from being written down.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

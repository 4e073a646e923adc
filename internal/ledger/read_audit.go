package ledger

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/view"
)

// AuditEntries lists who changed what, newest first. Errors: [view.ErrBadCursor], [dedup.ErrUnavailable].
func (l *Ledger) AuditEntries(ctx context.Context, q view.AuditQuery) (view.Page[view.AuditEntry], error) {
	if !searchable(q.Actor, q.Action, q.Target) {
		return nothing[view.AuditEntry](), nil
	}
	db := equals(l.reads.WithContext(ctx), [2]string{"actor", q.Actor}, [2]string{"action", q.Action}, [2]string{"target", q.Target})
	db, err := byID(idBetween(db, q.Range), q.Paging)
	if err != nil {
		return view.Page[view.AuditEntry]{}, err
	}
	var rows []auditRow
	if err = db.Find(&rows).Error; err != nil {
		return view.Page[view.AuditEntry]{}, translate("list the audit", err)
	}
	return page(rows, q.Limit, (*auditRow).cursor, (*auditRow).view), nil
}

func (r *auditRow) cursor() view.Cursor { return view.Cursor{At: r.At, Tie: r.ID.String()} }

func (r *auditRow) view() view.AuditEntry {
	return view.AuditEntry{
		ID: r.ID.String(), At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Target: r.Target, Reason: r.Reason, Detail: r.Detail,
	}
}

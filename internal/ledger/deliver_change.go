package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// change is what operators do to deliveries: in one transaction their rows are locked and changed, jobs are taken back and made, and the
// audit learns who did it and why.
type change struct {
	action string // of the audit, as are the next two
	target string
	about  string // what was selected
	// choose selects from deliveries d of events e; not ok: nothing can match.
	choose func(db *gorm.DB) (_ *gorm.DB, ok bool)
	apply  func(w writer, rows []deliveryRow, now time.Time) error
	jobs   bool
	// holds: cancelled deliveries of events in doubt become held again instead.
	holds bool
}

// RetryDeliveries gives dead deliveries, or cancelled ones when their state or id is named, their whole number of attempts
// again, starting now. Cancelled ones of an event in doubt become held again: only [Ledger.ReleaseDeliveries] sends what its
// sender has not confirmed, and a dead one was sent. Errors: [view.ErrBadSelection], [view.ErrTooMany], [dedup.ErrContended], [dedup.ErrUnavailable],
// [dedup.ErrUnclear]; nothing was changed except, perhaps, with the last.
func (l *Ledger) RetryDeliveries(ctx context.Context, sel view.DeliverySelection, act view.Act) (view.Changed, error) {
	usual := []delivery.State{delivery.Dead}
	if len(sel.IDs) > 0 {
		usual = []delivery.State{delivery.Dead, delivery.Cancelled}
	}
	allowed := []delivery.State{delivery.Dead, delivery.Cancelled}
	return l.changeSelected(ctx, sel, act, usual, allowed, change{action: "deliveries.retry", apply: reopen, jobs: true, holds: true})
}

// CancelDeliveries calls off deliveries that are not over. An attempt under way goes on, but changes nothing any more.
// Something has to be selected. Errors as of [Ledger.RetryDeliveries].
func (l *Ledger) CancelDeliveries(ctx context.Context, sel view.DeliverySelection, act view.Act) (view.Changed, error) {
	if len(sel.IDs) == 0 && sel.DeliveryFilter == (view.DeliveryFilter{}) {
		return view.Changed{}, fmt.Errorf("%w: say which deliveries to cancel: ids, a destination, a run, an event, a time range", view.ErrBadSelection)
	}
	open := []delivery.State{delivery.Pending, delivery.Held, delivery.Delivering, delivery.Retrying}
	return l.changeSelected(ctx, sel, act, open, open, change{action: "deliveries.cancel", apply: cancel})
}

// ReleaseDeliveries lets held deliveries go. Errors as of [Ledger.RetryDeliveries].
func (l *Ledger) ReleaseDeliveries(ctx context.Context, sel view.DeliverySelection, act view.Act) (view.Changed, error) {
	held := []delivery.State{delivery.Held}
	return l.changeSelected(ctx, sel, act, held, held, change{action: "deliveries.release", apply: reopen, jobs: true})
}

func reopen(w writer, rows []deliveryRow, now time.Time) error {
	return w.statements.deliveries.reopen.exec(w.tx, w.dialect, touch(rows, now))
}

func cancel(w writer, rows []deliveryRow, now time.Time) error {
	return w.statements.deliveries.cancel.exec(w.tx, w.dialect, touch(rows, now))
}

// changeSelected changes deliveries in the usual states, or in the one that the selection names, which must be allowed.
func (l *Ledger) changeSelected(
	ctx context.Context, sel view.DeliverySelection, act view.Act, usual, allowed []delivery.State, c change,
) (view.Changed, error) {
	keys, err := parseRowIDs(sel.IDs)
	if err != nil {
		return view.Changed{}, err
	}
	if sel.State != "" {
		if !slices.Contains(allowed, delivery.State(sel.State)) {
			return view.Changed{}, fmt.Errorf("%w: deliveries that are %q can't be changed this way, only those that are one of %q",
				view.ErrBadSelection, sel.State, allowed)
		}
		usual = []delivery.State{delivery.State(sel.State)}
	}
	c.target, c.about = targetOf(sel.IDs, sel.Destination), describe(sel)
	c.choose = func(db *gorm.DB) (*gorm.DB, bool) {
		filter := sel.DeliveryFilter
		filter.State = ""
		db, ok := filterDeliveries(db, filter)
		if len(keys) > 0 {
			db = db.Where("d.id IN ?", keys)
		}
		return inStates(db, usual...), ok
	}
	return l.change(ctx, act, c)
}

// mostIDs bounds the ids that one change may name.
const mostIDs = 1000

func parseRowIDs(texts []string) ([]rowID, error) {
	if len(texts) > mostIDs {
		return nil, fmt.Errorf("%w: name up to %d ids, or use a filter", view.ErrBadSelection, mostIDs)
	}
	keys := make([]rowID, len(texts))
	for i, s := range texts {
		var err error
		if keys[i], err = parseRowID(s); err != nil {
			return nil, fmt.Errorf("%w: %q is no id", view.ErrBadSelection, s)
		}
	}
	return keys, nil
}

// targetOf is what an audit entry shows first.
func targetOf(ids []string, otherwise string) string {
	if len(ids) == 1 {
		return ids[0]
	}
	return otherwise
}

func (l *Ledger) change(ctx context.Context, act view.Act, c change) (view.Changed, error) {
	done := view.Changed{DryRun: act.DryRun}
	if act.DryRun {
		return done, translate("count deliveries", c.count(l.db.WithContext(ctx), &done))
	}
	_, err := l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		rows, err := l.lockChosen(tx, act.Cap(), c.choose)
		if err != nil {
			return err
		}
		done.Deliveries = int64(len(rows))
		done.Held, err = l.applyChange(tx, pinned, act, c, rows)
		return translate(c.action, err)
	})
	if err != nil {
		return view.Changed{}, err
	}
	return done, nil
}

// count says what the change would do.
func (c *change) count(db *gorm.DB, done *view.Changed) error {
	chosen, ok := c.choose(deliveriesOf(db))
	if !ok {
		return nil
	}
	err := chosen.Count(&done.Deliveries).Error
	if err == nil && c.holds {
		chosen, _ = c.choose(deliveriesOf(db))
		err = inStates(chosen, delivery.Cancelled).Where("EXISTS (SELECT 1 FROM doubts x WHERE x.event_id = d.event_id AND x.held)").
			Count(&done.Held).Error
	}
	return err
}

// lockChosen reads and locks what was chosen, in the order of ids, but never more than the cap.
func (l *Ledger) lockChosen(tx *gorm.DB, most int, choose func(*gorm.DB) (*gorm.DB, bool)) ([]deliveryRow, error) {
	db, ok := choose(deliveriesOf(tx))
	if !ok {
		return nil, nil
	}
	var rows []deliveryRow
	err := db.Select("d.id, d.event_id, d.destination, d.state, d.attempts, d.updated_at, d.job, d.under_way").Order("d.id").Limit(most + 1).
		Clauses(clause.Locking{Strength: "NO KEY UPDATE", Table: clause.Table{Name: "d"}}). // left out on SQLite
		Find(&rows).Error
	if err != nil {
		return nil, translate("choose deliveries", err)
	}
	if len(rows) > most {
		return nil, fmt.Errorf("%w (max is %d)", view.ErrTooMany, most)
	}
	return rows, nil
}

// applyChange changes rows that are locked, and says how many of them it has held instead.
func (l *Ledger) applyChange(tx *gorm.DB, pinned *sql.Conn, act view.Act, c change, rows []deliveryRow) (held int64, err error) {
	now := l.now().UTC()
	w := writer{tx: tx, dialect: l.dialect, statements: l.statements}
	changed := rows
	err = l.dialect.planAfresh(tx)
	if err == nil && c.holds {
		changed, err = holdAgain(w, rows, now)
	}
	if err == nil {
		err = c.apply(w, changed, now)
	}
	if err == nil {
		err = l.withdraw(tx, pinned, allDueAnew(rows))
	}
	if err == nil && c.jobs {
		err = l.poster(tx, pinned)(allDueAnew(changed))
	}
	held = int64(len(rows) - len(changed))
	if err == nil {
		err = writeAudit(tx, now, AuditEntry{
			Actor: act.Actor, Action: c.action, Target: c.target, Reason: act.Reason, Detail: detailOf(len(rows), held, c.about),
		})
	}
	return held, err
}

// holdAgain makes the cancelled ones of rows held whose event is in doubt, and gives the others.
func holdAgain(w writer, rows []deliveryRow, now time.Time) (others []deliveryRow, err error) {
	var cancelled []deliveryRow
	for i := range rows {
		if rows[i].State == string(delivery.Cancelled) {
			cancelled = append(cancelled, rows[i])
		}
	}
	doubted, err := doubtedEvents(w.tx, cancelled)
	if err != nil {
		return nil, err
	}
	var held []deliveryRow
	for i := range rows {
		if rows[i].State == string(delivery.Cancelled) && doubted[rows[i].EventID] {
			held = append(held, rows[i])
		} else {
			others = append(others, rows[i])
		}
	}
	return others, w.statements.deliveries.hold.exec(w.tx, w.dialect, touch(held, now))
}

func detailOf(deliveries int, held int64, about string) string {
	if held == 0 {
		return fmt.Sprintf("%d deliveries of %s", deliveries, about)
	}
	return fmt.Sprintf("%d deliveries of %s, %d of them held: their events are in doubt", deliveries, about, held)
}

// withdraw takes back the jobs that deliveries may have: one that is called off needs none, and the old ones of one that goes
// on would only be looked at for nothing.
func (l *Ledger) withdraw(tx *gorm.DB, pinned *sql.Conn, due []delivery.Due) error {
	if l.outbox == nil || len(due) == 0 {
		return nil
	}
	ids := make([]dedup.ID, len(due))
	for i := range due {
		ids[i] = due[i].ID
	}
	return l.dialect.withdraw(tx, pinned, l.outbox, ids)
}

// touch sets the time of a change on copies of rows.
func touch(rows []deliveryRow, now time.Time) []deliveryRow {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].UpdatedAt = now
	}
	return rows
}

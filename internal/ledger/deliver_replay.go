package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

// Replay makes new deliveries of events that were told before, whatever became of the earlier ones. They are held where the
// event is: what its sender has not confirmed goes out by [Ledger.ReleaseDeliveries] alone.
// Events without a body are left out and counted. Errors: [view.ErrBadSelection], [view.ErrTooMany], [dedup.ErrContended],
// [dedup.ErrUnavailable], [dedup.ErrUnclear]; nothing was changed except, perhaps, with the last.
func (l *Ledger) Replay(ctx context.Context, sel view.ReplaySelection, act view.Act) (view.Changed, error) {
	if len(sel.EventIDs) == 0 && sel.RunID == "" && sel.Since.IsZero() && sel.Until.IsZero() {
		return view.Changed{}, fmt.Errorf("%w: say which events to replay: ids, a run, a time range", view.ErrBadSelection)
	}
	return l.deliverAgain(ctx, sel, act, again{action: "events.replay", make: l.statements.deliveries.replay})
}

// Backfill makes the deliveries that a destination would have got with the events, had it been there: for events without
// one, the later ones of a range as well as those from before the destination. Errors as of [Ledger.Replay].
func (l *Ledger) Backfill(ctx context.Context, sel view.ReplaySelection, act view.Act) (view.Changed, error) {
	if sel.Destination == "" {
		return view.Changed{}, fmt.Errorf("%w: say which destination to fill", view.ErrBadSelection)
	}
	return l.deliverAgain(ctx, sel, act, again{action: "events.backfill", make: l.statements.deliveries.insert, missing: true})
}

// again is a way of delivering events again.
type again struct {
	action  string
	make    statement[deliveryRow]
	missing bool // only events without a delivery of their own to the destination
}

func (l *Ledger) deliverAgain(ctx context.Context, sel view.ReplaySelection, act view.Act, how again) (done view.Changed, err error) {
	if l.outbox == nil {
		return done, fmt.Errorf("%w: nothing is forwarded, configure a destination first", view.ErrBadSelection)
	}
	keys, err := parseRowIDs(sel.EventIDs)
	if err != nil {
		return done, err
	}
	if !searchable(append([]string{sel.RunID, sel.Source, sel.Destination}, sel.Types...)...) {
		return view.Changed{DryRun: act.DryRun}, nil
	}
	_, err = l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		r := replaying{outbox: l.outbox, sel: sel, act: act, now: l.now().UTC(), done: view.Changed{DryRun: act.DryRun}}
		err := r.choose(tx, keys, how.missing)
		if err == nil && !act.DryRun {
			err = l.store(tx, pinned, &r, how)
		}
		done = r.done
		return err
	})
	if err != nil {
		return view.Changed{}, err
	}
	return done, nil
}

// replaying is one replay.
type replaying struct {
	outbox Outbox
	sel    view.ReplaySelection
	act    view.Act
	now    time.Time
	rows   []deliveryRow
	done   view.Changed
}

// choose reads the selected events, oldest first, and finds out where they go.
func (r *replaying) choose(tx *gorm.DB, keys []rowID, missing bool) error {
	db := idColumnBetween(tx.Table("events AS e").Select("e.id, e.source, e.type, e.outcome, e.body IS NULL"), "e.id", r.sel.Range)
	db = equals(db, [2]string{"e.source", r.sel.Source}, [2]string{"e.run_id", r.sel.RunID})
	if r.sel.RunID != "" {
		db = ofAnyRun(db, r.sel.RunID)
	}
	if len(keys) > 0 {
		db = db.Where("e.id IN ?", keys)
	}
	if len(r.sel.Types) > 0 {
		db = db.Where("e.type IN ?", r.sel.Types)
	}
	if missing {
		db = db.Where(`NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.destination = ? AND d.replay = 0)`, r.sel.Destination)
	}
	err := scanAll(db.Order("e.id"), r.take)
	if errors.Is(err, view.ErrTooMany) {
		return err
	}
	return translate("choose events", err)
}

// take decides where one event goes.
func (r *replaying) take(back *sql.Rows) error {
	var id rowID
	var e delivery.Event
	var purged bool
	if err := back.Scan(&id, &e.Source, &e.Type, &e.Outcome, &purged); err != nil {
		return err
	}
	destinations := r.destinations(e)
	switch {
	case len(destinations) == 0:
		return nil
	case purged:
		r.done.Purged++
		return nil
	}
	r.done.Events++
	r.done.Deliveries += int64(len(destinations))
	if r.act.DryRun {
		return nil
	}
	if most := r.act.Cap(); r.done.Deliveries > int64(most) {
		return fmt.Errorf("%w (max is %d)", view.ErrTooMany, most)
	}
	for _, name := range destinations {
		r.rows = append(r.rows, newDelivery(id, name, delivery.Pending, r.now))
	}
	return nil
}

// destinations are where the event goes: a destination that is named, for events named by id, else those that want it now.
func (r *replaying) destinations(e delivery.Event) []string {
	if len(r.sel.EventIDs) > 0 && r.sel.Destination != "" {
		return []string{r.sel.Destination}
	}
	var names []string
	for _, route := range r.outbox.Route(e) {
		if r.sel.Destination == "" || r.sel.Destination == route.Destination {
			names = append(names, route.Destination)
		}
	}
	return names
}

// hold makes the deliveries of events in doubt held. A doubt that is there is not settled before they are made, so that they
// are released with the others.
func (r *replaying) hold(tx *gorm.DB) error {
	doubted, err := doubtedEvents(tx, r.rows)
	for i := range r.rows {
		if doubted[r.rows[i].EventID] {
			r.rows[i].State = string(delivery.Held)
		}
	}
	return err
}

// doubtedEvents are those events of deliveries whose deliveries are held until they are confirmed. Until the transaction ends
// no such doubt is settled.
func doubtedEvents(tx *gorm.DB, rows []deliveryRow) (map[rowID]bool, error) {
	doubted := map[rowID]bool{}
	for part := range slices.Chunk(rows, mostIDs) {
		events := make([]rowID, len(part))
		for i := range part {
			events[i] = part[i].EventID
		}
		var found []rowID
		err := tx.Model(&doubtRow{}).Where("held AND event_id IN ?", events).Clauses(clause.Locking{Strength: clause.LockingStrengthShare}).
			Pluck("event_id", &found).Error // on SQLite the lock is left out
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			doubted[id] = true
		}
	}
	return doubted, nil
}

// store makes the deliveries and their jobs, and tells the audit.
func (l *Ledger) store(tx *gorm.DB, pinned *sql.Conn, r *replaying, how again) error {
	err := l.dialect.planAfresh(tx)
	var due []delivery.Due
	if err == nil {
		err = r.hold(tx)
	}
	if err == nil {
		w := writer{tx: tx, dialect: l.dialect, statements: l.statements}
		due, r.done.Deliveries, err = w.insertDeliveries(how.make, r.rows)
		r.done.Held = r.done.Deliveries - int64(len(due))
	}
	if err == nil {
		// In the order of the events, so that those of a run are likely to arrive as they came.
		slices.SortFunc(due, func(a, b delivery.Due) int { return bytes.Compare(a.EventID[:], b.EventID[:]) })
		err = l.poster(tx, pinned)(due)
	}
	if err == nil {
		err = writeAudit(tx, r.now, AuditEntry{
			Actor: r.act.Actor, Action: how.action, Target: targetOf(r.sel.EventIDs, r.sel.Destination), Reason: r.act.Reason,
			Detail: fmt.Sprintf("%d deliveries of %d events of %s", r.done.Deliveries, r.done.Events, describeReplay(r.sel)),
		})
	}
	return translate(how.action, err)
}

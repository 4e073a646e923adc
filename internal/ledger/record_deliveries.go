package ledger

import (
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// mostDue bounds what the outbox is given in one call.
const mostDue = 1000

// makeDeliveries stores who is to get the inserted events, and lets the outbox make jobs for the deliveries that were not
// there yet. Outcomes are known by now: late events may go elsewhere than others.
func (r *recording) makeDeliveries() error {
	if r.outbox == nil {
		return nil
	}
	var rows []deliveryRow
	for _, c := range r.claimants {
		if c.found.Inserted {
			rows = append(rows, c.deliveries(r.outbox)...)
		}
	}
	if !slices.ContainsFunc(r.batch, func(e *dedup.Entry) bool { return e.Unclear }) {
		return r.makeNewDeliveries(rows)
	}
	due, _, err := r.insertDeliveries(r.statements.deliveries.insert, rows)
	if err != nil {
		return err
	}
	return r.post(due)
}

// makeNewDeliveries is for events of which none was stored before. Should one have been after all, its receipt is found
// there in the end, and nothing of this is committed: so nobody has to wait for what the database says to it.
func (r *recording) makeNewDeliveries(rows []deliveryRow) error {
	if err := execLater(r.writer, r.statements.deliveries.insertNew, rows); err != nil {
		return err
	}
	var due []delivery.Due
	for i := range rows {
		if rows[i].State == string(delivery.Pending) {
			due = append(due, rows[i].due())
		}
	}
	return r.post(due)
}

// deliveries are those of a claimant that is its event's first.
func (c *claimant) deliveries(outbox Outbox) []deliveryRow {
	routes := outbox.Route(delivery.Event{
		Source: c.first.Key.Source, Type: c.first.Type, Outcome: dedup.Decide(c.first, c.found).Outcome, Via: c.first.Via,
	})
	rows := make([]deliveryRow, len(routes))
	for i, route := range routes {
		state := delivery.Pending
		if route.Hold {
			state = delivery.Held
		}
		rows[i] = newDelivery(rowID(c.found.EventID), route.Destination, state, c.first.ReceivedAt)
	}
	return rows
}

// poster hands deliveries to the outbox in the transaction that has made them.
func (l *Ledger) poster(tx *gorm.DB, pinned *sql.Conn) func([]delivery.Due) error {
	return func(due []delivery.Due) error {
		for part := range slices.Chunk(due, mostDue) {
			if err := l.dialect.enqueue(tx, pinned, l.outbox, part); err != nil {
				return err
			}
		}
		return nil
	}
}

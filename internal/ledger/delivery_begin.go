package ledger

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// claimRow is a claim and the time at which it was made.
type claimRow struct {
	delivery.Claim
	at time.Time
}

// claimColumns have names of their own: an UPDATE sees them beside those of deliveries.
func claimColumns() []column[claimRow] {
	return []column[claimRow]{
		ids("delivery", func(r *claimRow) dedup.ID { return r.Delivery }),
		number("claim", func(r *claimRow) int64 { return int64(r.Job) }),
		moment("at", func(r *claimRow) time.Time { return r.at }),
	}
}

// claimRows are claims in the order of their deliveries, in which rows are locked.
func claimRows(claims []delivery.Claim, at time.Time) []claimRow {
	rows := make([]claimRow, len(claims))
	for i, c := range claims {
		rows[i] = claimRow{c, at}
	}
	slices.SortFunc(rows, func(a, b claimRow) int { return bytes.Compare(a.Delivery[:], b.Delivery[:]) })
	return rows
}

// Begin marks deliveries as delivering and returns what to send, if the claim is that of the delivery's newest job, no other
// attempt is under way and the destination is not paused. What is over, held or not known has nothing to send. An attempt
// that the same job has begun in an earlier life is kept with an error that says so. The same claim without a new life gets
// the same attempt, so that an unclear Begin can be asked again. A crash of the database may undo a Begin: the attempt is
// then made again under the same number. Errors: [dedup.ErrUnavailable], [dedup.ErrContended], [dedup.ErrUnclear].
func (l *Ledger) Begin(ctx context.Context, claims []delivery.Claim) (delivery.Begun, error) {
	if len(claims) == 0 {
		return delivery.Begun{}, nil
	}
	rows := claimRows(claims, l.now().UTC())
	again := slices.DeleteFunc(slices.Clone(rows), func(r claimRow) bool { return !r.Again })
	s := &l.statements.deliveries
	var begun delivery.Begun
	err := l.piped(ctx, "begin attempts", func(p pipeline) error {
		p.add(l.dialect.beginLightly(), nil, nil)
		s.lose.addTo(p, l.dialect, again, nil)
		s.giveUp.addTo(p, l.dialect, again, nil)
		s.begin.addTo(p, l.dialect, rows, nil)
		s.ship.addTo(p, l.dialect, rows, func(back scanner) error { return scanShipment(back, &begun) })
		return nil
	})
	if err != nil {
		return delivery.Begun{}, err
	}
	return begun, nil
}

// giveUp ends the attempts that were begun with the claims and of which nobody will tell any more.
func (w writer) giveUp(rows []claimRow) error {
	err := w.statements.deliveries.lose.exec(w.tx, w.dialect, rows)
	if err == nil {
		err = w.statements.deliveries.giveUp.exec(w.tx, w.dialect, rows)
	}
	return err
}

// scanShipment takes a delivery that is to be attempted: now, when its attempt has begun.
func scanShipment(back scanner, begun *delivery.Begun) error {
	var id, event rowID
	var now bool
	var s delivery.Shipment
	err := back.Scan(&id, &event, &s.Destination, &s.Replay, &s.Job, &s.Attempt, &s.Forgiven, &now,
		&s.Source, &s.Run.Kind, &s.Run.ID, &s.EventType, &s.Generation, &s.Seq, &s.ContentType, &s.Body, &s.BodyPurged)
	if err != nil {
		return err
	}
	if !now {
		begun.Waiting = append(begun.Waiting, dedup.ID(id))
		return nil
	}
	s.ID, s.EventID = dedup.ID(id), dedup.ID(event)
	s.CreatedAt = s.ID.Time()
	begun.Shipments = append(begun.Shipments, s)
	return nil
}

// rowsOf are deliveries of which only the id is known, each once.
func rowsOf(ids []dedup.ID) []deliveryRow {
	rows := make([]deliveryRow, len(ids))
	for i, id := range ids {
		rows[i].ID = rowID(id)
	}
	slices.SortFunc(rows, func(a, b deliveryRow) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return slices.CompactFunc(rows, func(a, b deliveryRow) bool { return a.ID == b.ID })
}

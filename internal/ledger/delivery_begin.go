package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// lostAttempt is the error of an attempt of which nobody knows how it ended.
const lostAttempt = "the gateway stopped before the answer was recorded"

// Begin marks deliveries as delivering and returns what to send. Those that are over, held or not known are left out; one
// that was delivering already gets an attempt that says so. A crash of the database may undo a Begin: the attempt is then
// made again under the same number. Errors: [dedup.ErrUnavailable], [dedup.ErrContended], [dedup.ErrUnclear].
func (l *Ledger) Begin(ctx context.Context, ids []dedup.ID) ([]delivery.Shipment, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var shipments []delivery.Shipment
	_, err := l.transaction(ctx, func(tx *gorm.DB) error {
		b := beginning{writer: writer{tx: tx, dialect: l.dialect, statements: l.statements}, now: l.now().UTC()}
		err := b.run(ids)
		shipments = b.shipments
		return translate("begin attempts", err)
	})
	if err != nil {
		return nil, err
	}
	return shipments, nil
}

// beginning is one call of Begin.
type beginning struct {
	writer
	now       time.Time
	touched   []deliveryRow
	lost      []attemptRow
	shipments []delivery.Shipment
}

func (b *beginning) run(ids []dedup.ID) error {
	for _, step := range []func() error{
		func() error { return b.dialect.workLightly(b.tx) },
		func() error { return b.statements.deliveries.lock.query(b.tx, b.dialect, rowsOf(ids), b.scan) },
		func() error { return b.statements.deliveries.begin.exec(b.tx, b.dialect, b.touched) },
		func() error { return b.statements.deliveries.keep.exec(b.tx, b.dialect, b.lost) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
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

// scan takes a delivery as it is before the attempt.
func (b *beginning) scan(back *sql.Rows) error {
	var row deliveryRow
	var s delivery.Shipment
	err := back.Scan(&row.ID, &row.EventID, &row.Destination, &row.Replay, &row.State, &row.Attempts, &row.Forgiven, &row.UpdatedAt,
		&s.Source, &s.Run.Kind, &s.Run.ID, &s.EventType, &s.Generation, &s.Seq, &s.ContentType, &s.Body, &s.BodyPurged)
	if err != nil {
		return err
	}
	if row.State == string(delivery.Delivering) {
		b.lost = append(b.lost, row.lostAttempt())
	}
	s.Due, s.Replay, s.Attempt, s.Forgiven = row.due(), row.Replay, row.Attempts+1, row.Forgiven
	s.CreatedAt = s.ID.Time()
	b.shipments = append(b.shipments, s)
	b.touched = append(b.touched, deliveryRow{ID: row.ID, UpdatedAt: b.now})
	return nil
}

// lostAttempt is the newest attempt of a delivery that is delivering.
func (r *deliveryRow) lostAttempt() attemptRow {
	return attemptRow{DeliveryID: r.ID, Number: r.Attempts, StartedAt: r.UpdatedAt, Error: lostAttempt}
}

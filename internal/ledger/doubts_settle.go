package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Believe settles an event's doubt: its sender has confirmed a request for it. If that is not the event's first, it takes the
// first one's place, which goes to quarantine. Held deliveries go. All of it happens at once, or nothing where the doubt was
// settled before. Errors: those of a ledger.
func (l *Ledger) Believe(ctx context.Context, d *delivery.Doubt) (b delivery.Belief, err error) {
	_, err = l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		s := l.settling(tx, d)
		err := s.believe()
		b = s.belief
		if err != nil {
			return translate("believe a request", err)
		}
		held, err := l.lockChosen(tx, mostDue, func(db *gorm.DB) (*gorm.DB, bool) {
			return inStates(db, delivery.Held).Where("d.event_id = ?", rowID(d.EventID)), true
		})
		if err == nil {
			err = l.release(tx, pinned, held)
		}
		b.Released = len(held)
		return err
	})
	if errors.Is(err, errSettled) {
		return delivery.Belief{}, l.forget(ctx, d)
	}
	if err != nil {
		return delivery.Belief{}, err
	}
	return b, nil
}

// release makes held deliveries pending, with jobs.
func (l *Ledger) release(tx *gorm.DB, pinned *sql.Conn, held []deliveryRow) error {
	if len(held) == 0 {
		return nil
	}
	err := reopen(writer{tx: tx, dialect: l.dialect, statements: l.statements}, held, l.now().UTC())
	if err == nil {
		err = l.poster(tx, pinned)(allDueAnew(held))
	}
	return translate("release deliveries", err)
}

// Disbelieve writes down that the sender does not confirm a request. An event's first stays what is on record, with its
// deliveries held; another goes to quarantine. unverified says that the event's first is not confirmed, now or before.
// Errors: those of a ledger.
func (l *Ledger) Disbelieve(ctx context.Context, d *delivery.Doubt, objection string) (unverified bool, err error) {
	_, err = l.transaction(ctx, func(tx *gorm.DB) error {
		s := l.settling(tx, d)
		err := s.disbelieve(storable(objection))
		if err == nil {
			var left int64
			err = tx.Model(&doubtRow{}).Where("event_id = ? AND "+isUnverified, rowID(d.EventID)).Count(&left).Error
			unverified = left > 0
		}
		return translate("mark a request as unverified", err)
	})
	if errors.Is(err, errSettled) {
		return false, l.forget(ctx, d)
	}
	return unverified, err
}

// errSettled: the doubt was settled meanwhile, or the request is no longer kept.
var errSettled = errors.New("the doubt is settled")

// forget deletes a further request for an event that is no longer in doubt: it is a duplicate like any other.
func (l *Ledger) forget(ctx context.Context, d *delivery.Doubt) error {
	return translate("forget a further request", l.db.WithContext(ctx).Where("id = ?", rowID(d.Retelling)).Delete(&retellingRow{}).Error)
}

// settling is one doubt on its way to be settled.
type settling struct {
	writer
	now    time.Time
	doubt  *delivery.Doubt
	belief delivery.Belief
	others int // how many other bodies are kept beside an event
}

func (l *Ledger) settling(tx *gorm.DB, d *delivery.Doubt) *settling {
	return &settling{
		writer: writer{tx: tx, dialect: l.dialect, statements: l.statements}, now: l.now().UTC().Truncate(time.Millisecond), doubt: d,
		others: l.mostOtherBodies(),
	}
}

// believe locks rows in the order in which a batch locks them: the run's, the event's.
func (s *settling) believe() error {
	if s.doubt.Retelling.IsZero() {
		return s.endDoubt()
	}
	run, _, err := s.lockRun()
	if err == nil {
		err = s.replace()
	}
	if err == nil {
		err = s.endDoubt()
	}
	if err == nil {
		err = s.showRun(run)
	}
	return err
}

func (s *settling) endDoubt() error {
	if err := s.lockEvent(); err != nil {
		return err
	}
	gone := s.tx.Where("event_id = ?", rowID(s.doubt.EventID)).Delete(&doubtRow{})
	if gone.Error == nil && gone.RowsAffected == 0 {
		return errSettled
	}
	if gone.Error != nil {
		return gone.Error
	}
	if err := s.keepRetellings(); err != nil {
		return err
	}
	return s.tx.Where("event_id = ?", rowID(s.doubt.EventID)).Delete(&retellingRow{}).Error
}

// lockRows keeps out whoever records a request for an event or its run, or settles its doubt. On SQLite it is left out.
var lockRows = clause.Locking{Strength: "NO KEY UPDATE"}

// keepRetellings keeps what the further requests told in other words, as if they had come after the doubt: twins of the one
// that was confirmed come within moments of it.
func (s *settling) keepRetellings() error {
	if s.others == 0 {
		return nil
	}
	var rows []retellingRow
	err := s.tx.Table("retellings AS t").Joins("JOIN events AS e ON e.id = t.event_id").
		Where("t.event_id = ? AND t.via = ? AND t.body <> e.body", rowID(s.doubt.EventID), string(dedup.ViaWebhook)).
		Select("t.*").Order("t.id").Limit(s.others).Find(&rows).Error
	if err != nil {
		return err
	}
	told := make([]dedup.OtherBody, len(rows))
	for i := range rows {
		told[i] = rows[i].otherBody()
	}
	_, err = s.keepOtherBodies(offeredBodies(told, s.others))
	return err
}

// lockEvent keeps out whoever records a request for the event.
func (s *settling) lockEvent() error {
	return s.tx.Select("id").Where("id = ?", rowID(s.doubt.EventID)).Clauses(lockRows).Find(&eventRow{}).Error
}

// replace puts a confirmed request in the place of the event's first, unless it is the same over again.
func (s *settling) replace() error {
	var q doubtRow
	var first eventRow
	retelling, err := s.retelling()
	if err == nil {
		err = s.tx.Where("event_id = ?", rowID(s.doubt.EventID)).Take(&q).Error
	}
	if err == nil {
		err = s.tx.Where("id = ?", rowID(s.doubt.EventID)).Take(&first).Error
	}
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return errSettled
	case err != nil:
		return err
	case bytes.Equal(q.Fingerprint, retelling.Fingerprint):
		return s.restoreBody(retelling)
	}
	s.belief.Replaced = true
	err = s.correctEvent(retelling)
	if err == nil {
		err = s.dropOtherBody(retelling)
	}
	if err == nil {
		err = s.setAside(&first, retelling)
	}
	return err
}

// restoreBody gives an event that was told in the same words again the body back that retention may have taken.
func (s *settling) restoreBody(r *retellingRow) error {
	return s.tx.Model(&eventRow{}).Where("id = ? AND body IS NULL", r.EventID).UpdateColumn("body", r.Body).Error
}

func (s *settling) retelling() (*retellingRow, error) {
	var row retellingRow
	err := s.tx.Where("id = ?", rowID(s.doubt.Retelling)).Take(&row).Error
	return &row, err
}

// correctEvent keeps what the event is known and answered by: its id, its key, its first receipt, its number.
func (s *settling) correctEvent(r *retellingRow) error {
	return s.tx.Model(&eventRow{}).Where("id = ?", r.EventID).UpdateColumns(map[string]any{
		"type": r.Type, "actor_id": r.ActorID, "task_id": r.TaskID, "dispatch_id": r.DispatchID, "occurred_at": r.OccurredAt,
		"version": r.Version, "content_type": r.ContentType, "headers": r.Headers, "body_bytes": r.BodyBytes, "body": r.Body,
	}).Error
}

// dropOtherBody forgets a body that was kept beside the event's own, and now is its own.
func (s *settling) dropOtherBody(r *retellingRow) error {
	sum := sha256.Sum256(r.Body)
	return s.tx.Where("event_id = ? AND body_hash = ?", r.EventID, sum[:]).Delete(&otherBodyRow{}).Error
}

// setAside keeps the replaced request in quarantine and tells the audit.
func (s *settling) setAside(first *eventRow, r *retellingRow) error {
	row := s.unverified(first.Body, "Apify has confirmed another request for the event "+first.ID.String()+
		". This one was its first, and may have been made by somebody who knows the source's URL.")
	row.DispatchID, row.ContentType, row.Headers, row.BodyBytes = first.DispatchID, first.ContentType, first.Headers, first.BodyBytes
	row.Truncated = first.Body == nil // its retention was over
	row.FirstReceiptID, row.FirstSeenAt, row.LastSeenAt = first.FirstReceiptID, first.ReceivedAt.UTC(), first.ReceivedAt.UTC()
	kept, err := s.quarantine(row)
	var out int64
	if err == nil {
		err = s.tx.Model(&deliveryRow{}).Where("event_id = ? AND state NOT IN ?", first.ID, []delivery.State{delivery.Held, delivery.Cancelled}).
			Count(&out).Error
	}
	if err != nil {
		return err
	}
	s.belief.Out = int(out)
	return writeAudit(s.tx, s.now, AuditEntry{
		Actor: "dedupgate", Action: "events.replace", Target: first.ID.String(), Reason: "Apify has confirmed another request than the first",
		Detail: fmt.Sprintf("receipt %s in the place of %s, which is kept as %s in quarantine; %d deliveries were not held",
			r.ID, first.FirstReceiptID, kept, out),
	})
}

func (s *settling) disbelieve(objection string) error {
	if s.doubt.Retelling.IsZero() {
		return s.disbelieveFirst(objection)
	}
	if err := s.lockEvent(); err != nil {
		return err
	}
	r, err := s.retelling()
	var doubts int64
	if err == nil {
		err = s.tx.Model(&doubtRow{}).Where("event_id = ?", r.EventID).Count(&doubts).Error
	}
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound), err == nil && doubts == 0:
		return errSettled
	case err != nil:
		return err
	}
	row := s.unverified(r.Body, "Apify does not confirm this request for the event "+r.EventID.String()+": "+objection)
	row.DispatchID, row.ContentType, row.Headers, row.BodyBytes = r.DispatchID, r.ContentType, r.Headers, r.BodyBytes
	row.FirstReceiptID, row.FirstSeenAt, row.LastSeenAt = r.ID, r.ReceivedAt.UTC(), r.ReceivedAt.UTC()
	if _, err = s.quarantine(row); err != nil {
		return err
	}
	return s.tx.Where("id = ?", r.ID).Delete(&retellingRow{}).Error
}

// disbelieveFirst leaves the event on record, and has the run show it no more.
func (s *settling) disbelieveFirst(objection string) error {
	run, shows, err := s.lockRun()
	if err == nil {
		err = s.tx.Model(&doubtRow{}).Where("event_id = ?", rowID(s.doubt.EventID)).
			UpdateColumns(map[string]any{"due_at": nil, "objection": objection}).Error
	}
	if err == nil && shows {
		err = s.showRun(run)
	}
	return err
}

// unverified is a row of quarantine for a body that was not confirmed.
func (s *settling) unverified(body []byte, message string) quarantineRow {
	sum := sha256.Sum256(body)
	return quarantineRow{
		ID: rowID(dedup.NewID(s.now)), Source: s.doubt.Source, Reason: string(dedup.ReasonUnverified), BodyHash: sum[:], Message: message,
		Body: body, Hits: 1,
	}
}

// quarantine keeps a row, folded with others of the same body, and gives the id it is kept under.
func (s *settling) quarantine(row quarantineRow) (id rowID, err error) {
	err = s.keep([]quarantineRow{row}, func(_ keptKey, kept rowID) { id = kept })
	return id, err
}

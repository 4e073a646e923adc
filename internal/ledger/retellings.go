package ledger

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// mostRetellings bounds how many further requests are kept beside an event at a time; of others there are receipts alone. What
// was looked up makes room again, and what was found by asking the sender is always kept: it is the way out when a forger has
// taken all the places.
const mostRetellings = 16

// retellingRow is a further request for an event in doubt, named by its receipt.
type retellingRow struct {
	ID          rowID
	EventID     rowID
	Fingerprint []byte
	Via         string
	ReceivedAt  time.Time
	Type        string
	ActorID     string
	TaskID      string
	DispatchID  string
	OccurredAt  *time.Time
	Version     []byte
	ContentType string
	Headers     string
	BodyBytes   int64
	Body        []byte
	Tries       int
	DueAt       time.Time

	before int64 // further requests for the event in the same batch
}

func (retellingRow) TableName() string { return "retellings" }

func newRetelling(in *dedup.Inbound, event dedup.ID) retellingRow {
	return retellingRow{
		ID: rowID(in.ReceiptID), EventID: rowID(event), Fingerprint: fingerprint(in), Via: string(in.Via), ReceivedAt: in.ReceivedAt,
		Type: in.Type, ActorID: in.ActorID, TaskID: in.TaskID, DispatchID: in.DispatchID, OccurredAt: optionalTime(in.OccurredAt),
		Version: versionOf(in), ContentType: in.ContentType, Headers: string(in.Headers), BodyBytes: int64(len(in.Body)), Body: in.Body,
	}
}

func (r *retellingRow) otherBody() dedup.OtherBody {
	return dedup.OtherBody{
		EventID: dedup.ID(r.EventID), ReceiptID: dedup.ID(r.ID), ReceivedAt: r.ReceivedAt.UTC(),
		DispatchID: r.DispatchID, ContentType: r.ContentType, Body: r.Body,
	}
}

// versionOf is the version that a request would give its run; empty when it moves none.
func versionOf(in *dedup.Inbound) []byte {
	if !in.MovesRun() {
		return nil
	}
	return in.Version.Encode()
}

// fingerprint is equal for requests that are the same in all that would be handed on or looked up, and came the same way.
func fingerprint(in *dedup.Inbound) []byte {
	h := sha256.New()
	for _, part := range []string{string(in.Via), in.DispatchID, in.ContentType} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Write(in.Body)
	return h.Sum(nil)
}

// retellingStatements are the writes beside events in doubt.
type retellingStatements struct {
	inDoubt statement[retellingRow]
	keep    statement[retellingRow]
}

func newRetellingStatements() retellingStatements {
	eventID := ids("event_id", func(r *retellingRow) dedup.ID { return dedup.ID(r.EventID) })
	via := text("via", func(r *retellingRow) string { return r.Via })
	stored := []column[retellingRow]{
		ids("id", func(r *retellingRow) dedup.ID { return dedup.ID(r.ID) }),
		eventID,
		octets("fingerprint", func(r *retellingRow) []byte { return r.Fingerprint }),
		via,
		moment("received_at", func(r *retellingRow) time.Time { return r.ReceivedAt }),
		text("type", func(r *retellingRow) string { return r.Type }),
		text("actor_id", func(r *retellingRow) string { return r.ActorID }),
		text("task_id", func(r *retellingRow) string { return r.TaskID }),
		text("dispatch_id", func(r *retellingRow) string { return r.DispatchID }),
		moment("occurred_at", func(r *retellingRow) time.Time { return valueOf(r.OccurredAt) }),
		octets("version", func(r *retellingRow) []byte { return r.Version }),
		text("content_type", func(r *retellingRow) string { return r.ContentType }),
		text("headers", func(r *retellingRow) string { return r.Headers }),
		number("body_bytes", func(r *retellingRow) int64 { return r.BodyBytes }),
		octets("body", func(r *retellingRow) []byte { return r.Body }),
	}
	list := names(stored)
	return retellingStatements{
		inDoubt: over([]column[retellingRow]{eventID, via}, `
SELECT v.event_id FROM v JOIN doubts d ON d.event_id = v.event_id WHERE d.held OR v.via = 'reconciled'`),
		// One that is the first over again is looked up with it, unless that is over.
		keep: over(append(stored, number("nth", func(r *retellingRow) int64 { return r.before })), `
INSERT INTO retellings (`+list+`, due_at)
SELECT v.`+strings.ReplaceAll(list, ", ", ", v.")+`, v.received_at FROM v JOIN doubts d ON d.event_id = v.event_id
WHERE v.via = 'reconciled' OR d.held AND (d.fingerprint <> v.fingerprint OR d.due_at IS NULL)
    AND v.nth + (SELECT count(*) FROM retellings t WHERE t.event_id = v.event_id) < `+strconv.Itoa(mostRetellings)+`
ON CONFLICT DO NOTHING`),
	}
}

// noteRetellings keeps further requests for events in doubt, so that a true one is there when a forged one was faster. The rows
// of the events are locked by now: whoever settles a doubt has done so before, or will see what is kept here.
func (r *recording) noteRetellings() error {
	rows, of := r.retellings()
	if len(rows) == 0 {
		return nil
	}
	if err := r.dialect.planAfresh(r.tx); err != nil {
		return err
	}
	doubted := map[dedup.ID]bool{}
	err := r.statements.retellings.inDoubt.query(r.tx, r.dialect, rows, func(back *sql.Rows) error {
		var id rowID
		err := back.Scan(&id)
		doubted[dedup.ID(id)] = true
		return err
	})
	if err != nil || len(doubted) == 0 {
		return err
	}
	kept := rows[:0]
	for i := range rows {
		if doubted[dedup.ID(rows[i].EventID)] {
			of[i].found.InDoubt = true
			kept = append(kept, rows[i])
		}
	}
	return r.statements.retellings.keep.exec(r.tx, r.dialect, kept)
}

// retellings are the requests of the batch that tell again what may be in doubt, with the claimant of each: those of sources
// that hold, and those that were found by asking the sender.
func (r *recording) retellings() (rows []retellingRow, of []*claimant) {
	before := map[*claimant]int64{}
	for i, e := range r.batch {
		c := r.subjects[i].event
		if c == nil || c.first == e && c.found.Inserted || !r.asks(e) {
			continue
		}
		row := newRetelling(e.Inbound, c.found.EventID)
		row.before = before[c]
		before[c]++
		rows, of = append(rows, row), append(of, c)
	}
	return rows, of
}

func (r *recording) asks(e *dedup.Entry) bool {
	if e.Via == dedup.ViaReconciled {
		return true
	}
	if r.doubt == nil {
		return false
	}
	by, held := r.doubt(e.Inbound)
	return held && by != delivery.LookupNone
}

// readRetellings reads what further requests have told, oldest first. One whose event is gone, or no longer in doubt, needs
// no look-up.
func readRetellings(tx *gorm.DB, keys []rowID) ([]delivery.Doubt, error) {
	var doubts []delivery.Doubt
	err := scanAll(tx.Table("retellings AS t").Where("t.id IN ?", keys).
		Joins("JOIN doubts AS d ON d.event_id = t.event_id").Joins("JOIN events AS e ON e.id = t.event_id").
		Select("t.id, t.event_id, d.lookup, t.tries, t.via, e.source, e.kind, e.run_id, t.type, e.generation, t.dispatch_id").Order("t.id"),
		func(back *sql.Rows) error {
			var d delivery.Doubt
			var id, event rowID
			err := back.Scan(&id, &event, &d.By, &d.Tries, &d.Via, &d.Source, &d.Run.Kind, &d.Run.ID, &d.Type, &d.Generation, &d.DispatchID)
			d.Retelling, d.EventID = dedup.ID(id), dedup.ID(event)
			doubts = append(doubts, d)
			return err
		})
	return doubts, err
}

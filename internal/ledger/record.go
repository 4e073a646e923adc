package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// errToldBefore: a receipt of the batch was there already, so an earlier attempt with this entry was committed.
var errToldBefore = errors.New("the receipt is there already")

// Record implements [dedup.Ledger].
func (l *Ledger) Record(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	if slices.ContainsFunc(batch, func(e *dedup.Entry) bool { return e.Unclear }) {
		return l.recordRest(ctx, batch)
	}
	verdicts, inc, err := l.record(ctx, batch)
	switch {
	case errors.Is(err, errToldBefore):
		return l.recordRest(ctx, batch)
	case errors.Is(err, dedup.ErrUnclear):
		for _, e := range batch {
			e.Unclear = true
		}
	}
	return verdicts, inc, err
}

// record stores entries none of which was stored before, in one transaction; else errToldBefore, and nothing is stored.
func (l *Ledger) record(ctx context.Context, batch []*dedup.Entry) (verdicts []dedup.Verdict, inc dedup.Incarnation, err error) {
	shard := l.shards.take()
	defer l.shards.give(shard)
	inc, err = l.joinable(ctx, func(tx *gorm.DB, pinned *sql.Conn) error {
		r := newRecording(writer{tx, l.dialect, l.statements, shard}, batch)
		r.outbox, r.post, r.doubt = l.outbox, l.poster(tx, pinned), l.doubt
		verdicts = r.verdicts
		return r.run()
	})
	if err != nil {
		return nil, dedup.Incarnation{}, err
	}
	return verdicts, inc, nil
}

// recordRest answers the entries that an earlier attempt has committed as that attempt would have, and records the
// others. Usually there are none; the batches may have been cut differently since.
func (l *Ledger) recordRest(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	told, inc, err := l.readVerdicts(ctx, batch)
	if err != nil {
		return nil, dedup.Incarnation{}, err
	}
	verdicts := make([]dedup.Verdict, len(batch))
	var rest []*dedup.Entry
	var places []int
	for i, e := range batch {
		verdict, ok := told[e.ReceiptID]
		if !ok {
			rest, places = append(rest, e), append(places, i)
			continue
		}
		verdicts[i] = verdict
	}
	if len(rest) == 0 {
		return verdicts, inc, nil
	}
	more, later, err := l.record(ctx, rest)
	if err == nil && later != inc {
		err = fmt.Errorf("%w: it became another database in between", dedup.ErrUnavailable)
	}
	if err != nil {
		return nil, dedup.Incarnation{}, err
	}
	for i, place := range places {
		verdicts[place] = more[i]
	}
	return verdicts, inc, nil
}

// recording is one attempt at one batch. Its steps run in order and fill what the later ones need.
type recording struct {
	writer
	batch    []*dedup.Entry
	verdicts []dedup.Verdict // in the order of the batch
	outbox   Outbox          // nil: nothing is forwarded
	post     func([]delivery.Due) error
	doubt    Doubt // nil: nothing is looked up

	claimants   []*claimant // one for each event key, in the order of keys
	runs        []*run      // one for each run that claimants may move, in the order of their keys
	quarantined []*kept     // one for each body, in the order of their keys
	subjects    []subject   // of each entry, in the order of the batch
}

// subject is what an entry speaks of: an event, a body kept aside, or neither when the entry is known.
type subject struct {
	event *claimant
	body  *kept
}

func newRecording(w writer, batch []*dedup.Entry) *recording {
	r := &recording{writer: w, batch: batch, verdicts: make([]dedup.Verdict, len(batch)), subjects: make([]subject, len(batch))}
	r.fold()
	return r
}

func (r *recording) run() error {
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"reserve runs", r.reserveRuns},
		{"upsert events", r.upsertEvents},
		{"move runs", r.moveRuns},
		{"make deliveries", r.makeDeliveries},
		{"note doubts", r.noteDoubts},
		{"note retellings", r.noteRetellings},
		{"upsert quarantine", r.upsertQuarantine},
		{"insert receipts", r.storeReceipts},
	} {
		if err := step.do(); err != nil {
			return translate(step.name, err)
		}
	}
	return nil
}

// storeReceipts decides every entry and stores receipts and counters. Receipts come last, because they hold the outcome.
func (r *recording) storeReceipts() error {
	if len(r.batch) == 0 {
		return nil
	}
	rows := make([]receiptRow, len(r.batch))
	for i, e := range r.batch {
		r.verdicts[i] = r.subjects[i].decide(e)
		rows[i] = newReceipt(e.Inbound, &r.verdicts[i])
	}
	if r.dialect.hasArrays() && !slices.ContainsFunc(r.batch, func(e *dedup.Entry) bool { return e.Known || e.Unclear }) {
		return r.storeNewReceipts(rows)
	}
	isNew, err := r.insertReceipts(rows)
	if err != nil {
		return err
	}
	hits := make(map[dedup.ID]int64)
	for i, e := range r.batch {
		switch {
		case !isNew(e.ReceiptID) && !e.Known:
			return errToldBefore
		case e.Known && isNew(e.ReceiptID):
			hits[r.verdicts[i].EventID]++
		}
	}
	// A known one whose receipt was there (the drainer was faster, or an earlier attempt) counts nothing.
	fresh := slices.DeleteFunc(rows, func(row receiptRow) bool { return !isNew(dedup.ID(row.ID)) })
	return r.countLast(fresh, hits)
}

// storeNewReceipts stores receipts all of which must be new, as they are unless an earlier attempt was committed that was
// not unclear to us. What they count is known before, so that the counters travel along, and COMMIT too: nobody waits for
// one more answer.
func (r *recording) storeNewReceipts(rows []receiptRow) error {
	slices.SortFunc(rows, compareReceipts)
	err := r.last(r.statements.newReceipts.carry(r.dialect, rows).along(
		r.statements.rollups.carry(r.dialect, r.rollups(rows)), r.statements.lags.carry(r.dialect, r.lags(rows))))
	if sqlState(err) == uniqueViolation { // the counters' rows are upserts
		return errToldBefore
	}
	return err
}

// decide gives an entry's verdict from what the steps before have found.
func (s subject) decide(e *dedup.Entry) dedup.Verdict {
	var found dedup.Found
	if c := s.event; c != nil {
		found = c.found
		if c.first != e {
			found = dedup.Found{EventID: found.EventID, FirstTag: found.FirstTag, InDoubt: found.InDoubt}
		}
	}
	v := dedup.Decide(e, found)
	if s.body != nil {
		v.QuarantineID = dedup.ID(s.body.row.ID)
	}
	return v
}

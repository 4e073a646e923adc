package deduptest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// Ledger is the reference: what every ledger must do, in memory, one batch after the other. It never fails; wrap it to
// make it fail. Safe for concurrent use.
type Ledger struct {
	mu          sync.Mutex
	incarnation dedup.Incarnation
	events      map[dedup.Key]*Event
	byID        map[dedup.ID]*Event
	runs        map[runKey]*Run
	receipts    map[dedup.ID]Receipt
	quarantine  map[quarantineKey]*Quarantined
}

type runKey struct {
	source string
	ref    dedup.RunRef
}

type quarantineKey struct {
	source string
	reason dedup.Reason
	hash   [sha256.Size]byte
}

// Event is what a ledger keeps of one.
type Event struct {
	ID           dedup.ID
	FirstReceipt dedup.ID
	Tag          string // dispatch tag of the first receipt
	Outcome      dedup.Outcome
	Seq          int64
	Hits         int64
	Body         []byte
}

// Run is what a ledger keeps of one.
type Run struct {
	Status  dedup.Status
	Version dedup.Version
	Events  int64
	seq     int64
}

// Receipt is what a ledger keeps of one.
type Receipt struct {
	Source     string
	Verdict    dedup.Verdict
	ReceivedAt time.Time
	Type       string
	RemoteIP   string
}

// Quarantined is what a ledger keeps of one.
type Quarantined struct {
	ID   dedup.ID
	Hits int64
	Body []byte
}

var (
	_ dedup.Ledger  = (*Ledger)(nil)
	_ dedup.HitSink = (*Ledger)(nil)
	_ LedgerBooks   = (*Ledger)(nil)
)

// NewLedger makes an empty reference in its first life.
func NewLedger() *Ledger {
	return &Ledger{
		incarnation: dedup.Incarnation{1},
		events:      map[dedup.Key]*Event{}, byID: map[dedup.ID]*Event{}, runs: map[runKey]*Run{},
		receipts: map[dedup.ID]Receipt{}, quarantine: map[quarantineKey]*Quarantined{},
	}
}

// Incarnation implements [dedup.Ledger]; it is always fresh.
func (l *Ledger) Incarnation() (dedup.Incarnation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.incarnation, true
}

// Record implements [dedup.Ledger].
func (l *Ledger) Record(_ context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	verdicts := make([]dedup.Verdict, len(batch))
	for _, i := range inKeyOrder(batch) {
		e := batch[i]
		if old, ok := l.receipts[e.ReceiptID]; ok {
			verdicts[i] = old.Verdict // an earlier attempt of this batch has committed
			continue
		}
		v := dedup.Decide(e, l.find(e))
		if e.Quarantine != nil {
			v.QuarantineID = l.keepAside(e)
		}
		verdicts[i] = v
		l.receipts[e.ReceiptID] = Receipt{e.Key.Source, v, e.ReceivedAt, e.Type, e.RemoteIP}
	}
	return verdicts, l.incarnation, nil
}

// inKeyOrder gives the batch's indexes sorted by key, equal keys in the batch's order: the order of a ledger's locks.
func inKeyOrder(batch []*dedup.Entry) []int {
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(batch[a].Key.Compare(batch[b].Key), cmp.Compare(a, b))
	})
	return order
}

func (l *Ledger) find(e *dedup.Entry) dedup.Found {
	switch {
	case e.Quarantine != nil:
		return dedup.Found{}
	case e.Known:
		if ev := l.byID[e.Claim.Mark.EventID]; ev != nil {
			ev.Hits++
		}
		return dedup.Found{}
	}
	if ev := l.events[e.Key]; ev != nil {
		ev.Hits++
		return dedup.Found{EventID: ev.ID, FirstTag: ev.Tag}
	}
	change, seq := l.moveRun(e)
	ev := &Event{
		ID: e.EventID, FirstReceipt: e.ReceiptID, Tag: dedup.DispatchTag(e.DispatchID), Seq: seq, Body: append([]byte{}, e.Body...),
	}
	f := dedup.Found{Inserted: true, EventID: ev.ID, FirstTag: ev.Tag, Change: change, Seq: seq}
	ev.Outcome = dedup.Decide(e, f).Outcome
	l.events[e.Key], l.byID[ev.ID] = ev, ev
	return f
}

func (l *Ledger) moveRun(e *dedup.Entry) (dedup.RunChange, int64) {
	if !e.MovesRun() {
		return dedup.RunUntouched, 0
	}
	key := runKey{e.Key.Source, e.Run}
	r := l.runs[key]
	if r == nil {
		r = &Run{}
		l.runs[key] = r
	}
	r.seq++
	r.Events++
	change := dedup.RunBehind
	switch {
	case r.Events == 1:
		change = dedup.RunOpened
	case e.Version.Compare(r.Version) > 0:
		change = dedup.RunAdvanced
	}
	if change != dedup.RunBehind {
		r.Status, r.Version = e.Status, e.Version
	}
	return change, r.seq
}

func (l *Ledger) keepAside(e *dedup.Entry) dedup.ID {
	key := quarantineKey{e.Key.Source, e.Quarantine.Reason, sha256.Sum256(e.Body)}
	q := l.quarantine[key]
	if q == nil {
		q = &Quarantined{ID: e.EventID, Body: bytes.Clone(e.Body)}
		l.quarantine[key] = q
	}
	q.Hits++
	return q.ID
}

// RecordHits implements [dedup.HitSink].
func (l *Ledger) RecordHits(_ context.Context, hits []dedup.Hit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range hits {
		if _, ok := l.receipts[h.ReceiptID]; ok {
			continue
		}
		l.receipts[h.ReceiptID] = Receipt{h.Source, dedup.Verdict{
			Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: h.Repeat, EventID: h.EventID,
		}, h.ReceivedAt, h.Type, h.RemoteIP}
		if ev := l.byID[h.EventID]; ev != nil {
			ev.Hits++
		}
	}
	return nil
}

// Restore begins another life of the same database with nothing in it, as a restore of an empty backup does.
func (l *Ledger) Restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := NewLedger()
	next.incarnation[0] = l.incarnation[0] + 1
	l.incarnation, l.events, l.byID = next.incarnation, next.events, next.byID
	l.runs, l.receipts, l.quarantine = next.runs, next.receipts, next.quarantine
}

// Event gives what is kept under a key.
func (l *Ledger) Event(k dedup.Key) (Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ev, ok := l.events[k]
	if !ok {
		return Event{}, false
	}
	return *ev, true
}

// Run gives what a run shows.
func (l *Ledger) Run(source string, ref dedup.RunRef) (Run, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.runs[runKey{source, ref}]
	if !ok {
		return Run{}, false
	}
	return *r, true
}

// Receipt gives a receipt's verdict.
func (l *Ledger) Receipt(id dedup.ID) (Receipt, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.receipts[id]
	return r, ok
}

// ReceiptsOf gives those of ids that are kept.
func (l *Ledger) ReceiptsOf(ids ...dedup.ID) map[dedup.ID]Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := make(map[dedup.ID]Receipt, len(ids))
	for _, id := range ids {
		if r, ok := l.receipts[id]; ok {
			kept[id] = r
		}
	}
	return kept
}

// Receipts is how many there are.
func (l *Ledger) Receipts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.receipts)
}

// Quarantined gives what is kept aside under an id.
func (l *Ledger) Quarantined(id dedup.ID) (Quarantined, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.quarantine {
		if q.ID == id {
			return *q, true
		}
	}
	return Quarantined{}, false
}

// Tallies counts the receipts of a source.
func (l *Ledger) Tallies(source string) map[Tally]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	tallies := map[Tally]int64{}
	for _, r := range l.receipts {
		if r.Source == source {
			tallies[tallyOf(r)]++
		}
	}
	return tallies
}

// Lags counts the repeats of a source.
func (l *Ledger) Lags(source string) map[Lag]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	lags := map[Lag]int64{}
	for _, r := range l.receipts {
		if lag, ok := lagOf(r); ok && r.Source == source {
			lags[lag]++
		}
	}
	return lags
}

package deduptest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// LedgerFixture is one ledger under test.
type LedgerFixture struct {
	Ledger dedup.Ledger
	Hits   dedup.HitSink
	Books  LedgerBooks
}

// RunLedger checks that a ledger means what [dedup.Ledger] and [dedup.HitSink] say. open is called once a case, from
// parallel subtests; the ledgers may share one store, since every case uses a source of its own.
func RunLedger(t *testing.T, open func(t *testing.T) LedgerFixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(b *ledgerBench)
	}{
		{"a new event is first", ledgerNewEvent},
		{"a repeat is a duplicate of its kind", ledgerRepeats},
		{"a repeat of a claim in flight has lost a race", ledgerRaceLost},
		{"equal keys in one batch are folded", ledgerTwinsInBatch},
		{"of many at once one is first", ledgerManyAtOnce},
		{"sources do not share keys", ledgerOtherSource},
		{"an event without a run is new", ledgerWithoutRun},
		{"a test moves no run", ledgerTest},
		{"what Redis failed for is marked", ledgerDegraded},
		{"an empty batch", ledgerEmptyBatch},
		{"bodies come back byte for byte", ledgerBodies},

		{"further events are updated or late", ledgerUpdatedOrLate},
		{"events of a run are numbered in order of commit", ledgerSeq},
		{"all orders end in the same state", ledgerAllOrders},
		{"all orders within a batch end in the same state", ledgerAllOrdersAtOnce},
		{"a duplicate with another version moves nothing", ledgerDuplicateMovesNothing},
		{"a duplicate in a batch does not change what the others are", ledgerDuplicateAmongOthers},

		{"quarantine folds equal bodies", ledgerQuarantine},
		{"a known duplicate stores its receipt", ledgerKnown},
		{"hits are counted once", ledgerHits},
		{"hits and known duplicates fold", ledgerHitsAndKnown},

		{"a batch recorded again counts nothing twice", ledgerAgain},
		{"a part recorded before is answered as before", ledgerPartAgain},
		{"counters equal receipts", ledgerCounters},
		{"concurrent batches of the same runs and keys", ledgerConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newLedgerBench(t, open(t)))
		})
	}
}

// ledgerBench is a ledger with a source of its own and a clock of whole milliseconds.
type ledgerBench struct {
	*testing.T
	LedgerFixture
	source string
	start  time.Time
	made   int
}

func newLedgerBench(t *testing.T, f LedgerFixture) *ledgerBench {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &ledgerBench{T: t, LedgerFixture: f, source: "s" + dedup.NewID(now).String(), start: now}
}

// entry makes a request that is a source's n-th, received n ms after the start, with a key of its own.
func (b *ledgerBench) entry(change ...func(*dedup.Inbound)) *dedup.Entry {
	b.made++
	at := b.start.Add(time.Duration(b.made) * time.Millisecond)
	in := &dedup.Inbound{
		ReceiptID: dedup.NewID(at), ReceivedAt: at, Key: dedup.Key{Source: b.source, Event: fmt.Sprintf("e:%d", b.made)},
		Type: "order.paid", DispatchID: fmt.Sprintf("dispatch%09d", b.made), Body: fmt.Appendf(nil, `{"n":%d}`, b.made),
		ContentType: "application/json", Headers: []byte(`{"X-N":"1"}`), RemoteIP: "192.0.2.7", Via: dedup.ViaWebhook,
		Window: time.Hour, Lease: time.Second,
	}
	for _, c := range change {
		c(in)
	}
	return &dedup.Entry{Inbound: in, EventID: dedup.NewID(at), Claim: dedup.ClaimReply{State: dedup.ClaimFirst}}
}

// again makes another request that tells the same event: by default from another webhook.
func (b *ledgerBench) again(e *dedup.Entry, change ...func(*dedup.Inbound)) *dedup.Entry {
	same := func(in *dedup.Inbound) {
		old := *e.Inbound
		old.ReceiptID, old.ReceivedAt, old.DispatchID = in.ReceiptID, in.ReceivedAt, in.DispatchID
		*in = old
	}
	return b.entry(append([]func(*dedup.Inbound){same}, change...)...)
}

// known makes a request whose mark is good.
func (b *ledgerBench) known(e *dedup.Entry, first dedup.Verdict) *dedup.Entry {
	k := b.again(e)
	inc, _ := b.Ledger.Incarnation()
	k.Known, k.Claim = true, dedup.ClaimReply{
		State: dedup.ClaimSettled, Mark: dedup.Mark{Incarnation: inc, EventID: first.EventID, Tag: first.FirstTag},
	}
	return k
}

func (b *ledgerBench) hit(e *dedup.Entry, first dedup.Verdict) dedup.Hit {
	k := b.again(e)
	return dedup.Hit{
		ReceiptID: k.ReceiptID, ReceivedAt: k.ReceivedAt, Source: b.source, EventID: first.EventID, Type: k.Type,
		DispatchID: k.DispatchID, Repeat: dedup.RepeatTwin, RemoteIP: k.RemoteIP,
	}
}

// record records one batch and checks what holds for every batch: as many verdicts as entries, an incarnation, and a
// receipt for each that says the same as the verdict.
func (b *ledgerBench) record(batch ...*dedup.Entry) []dedup.Verdict {
	b.Helper()
	verdicts, inc, err := b.Ledger.Record(b.Context(), batch)
	if err != nil || len(verdicts) != len(batch) || inc.IsZero() {
		b.Fatalf("record %d entries: %d verdicts, incarnation %x, error %v", len(batch), len(verdicts), inc, err)
	}
	b.expectReceipts(batch, verdicts)
	return verdicts
}

func (b *ledgerBench) recordOne(e *dedup.Entry) dedup.Verdict {
	b.Helper()
	return b.record(e)[0]
}

func (b *ledgerBench) recordHits(hits ...dedup.Hit) {
	b.Helper()
	if err := b.Hits.RecordHits(b.Context(), hits); err != nil {
		b.Fatalf("record %d hits: %v", len(hits), err)
	}
}

func (b *ledgerBench) expectReceipts(batch []*dedup.Entry, verdicts []dedup.Verdict) {
	b.Helper()
	kept := b.receipts(batch)
	for i, e := range batch {
		v := verdicts[i]
		v.FirstTag, v.Seq = "", 0
		want := Receipt{e.Key.Source, v, e.ReceivedAt, e.Type, e.RemoteIP}
		if r, ok := kept[e.ReceiptID]; !ok || r != want {
			b.Fatalf("receipt stored: %t\n got %+v\nwant %+v", ok, r, want)
		}
	}
}

// receipts reads a batch's receipts, without what is not in them.
func (b *ledgerBench) receipts(batch []*dedup.Entry) map[dedup.ID]Receipt {
	b.Helper()
	list := make([]dedup.ID, len(batch))
	for i, e := range batch {
		list[i] = e.ReceiptID
	}
	kept := b.Books.ReceiptsOf(list...)
	for id, r := range kept {
		r.Verdict.FirstTag, r.Verdict.Seq = "", 0
		kept[id] = r
	}
	return kept
}

func (b *ledgerBench) expect(v dedup.Verdict, outcome dedup.Outcome, reason dedup.Reason, repeat dedup.Repeat) {
	b.Helper()
	if v.Outcome != outcome || v.Reason != reason || v.Repeat != repeat {
		b.Fatalf("got %s, %s, %q; want %s, %s, %q", v.Outcome, v.Reason, v.Repeat, outcome, reason, repeat)
	}
}

func (b *ledgerBench) expectDuplicateOf(first, v dedup.Verdict) {
	b.Helper()
	if v.Outcome != dedup.OutcomeDuplicate || v.EventID != first.EventID || v.FirstTag != first.FirstTag || v.Seq != 0 {
		b.Fatalf("want a duplicate of %+v, got %+v", first, v)
	}
}

// event reads what is kept under the entry's key.
func (b *ledgerBench) event(e *dedup.Entry) Event {
	b.Helper()
	ev, ok := b.Books.Event(e.Key)
	if !ok {
		b.Fatalf("event %v is not kept", e.Key)
	}
	return ev
}

func (b *ledgerBench) expectHits(e *dedup.Entry, want int64) {
	b.Helper()
	if got := b.event(e).Hits; got != want {
		b.Fatalf("%d hits are counted, want %d", got, want)
	}
}

package deduptest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func (b *ledgerBench) unreadable(body string, reason dedup.Reason) *dedup.Entry {
	return b.entry(func(in *dedup.Inbound) {
		in.Key.Event, in.Body = "", []byte(body)
		in.Quarantine = &dedup.Quarantine{Reason: reason, Message: "what to do"}
	})
}

func ledgerQuarantine(b *ledgerBench) {
	one := b.unreadable("<a>", dedup.ReasonNotJSON)
	batch := []*dedup.Entry{
		one, b.unreadable("<b>", dedup.ReasonNotJSON), b.unreadable("<a>", dedup.ReasonNotJSON), b.unreadable("<a>", dedup.ReasonNoIdentity),
	}
	verdicts := b.record(batch...)
	verdicts = append(verdicts, b.recordOne(b.unreadable("<a>", dedup.ReasonNotJSON)))
	for i, v := range verdicts {
		if v.Outcome != dedup.OutcomeQuarantined || v.QuarantineID.IsZero() || !v.EventID.IsZero() {
			b.Fatalf("verdict %d: %+v", i, v)
		}
	}
	id := func(i int) dedup.ID { return verdicts[i].QuarantineID }
	if id(0) != id(2) || id(0) != id(4) || id(0) == id(1) || id(0) == id(3) || id(1) == id(3) {
		b.Errorf("not folded by body and reason: %v", verdicts)
	}
	for i, hits := range []int64{3, 1, 3, 1} {
		if q, ok := b.Books.Quarantined(id(i)); !ok || q.Hits != hits || string(q.Body) != string(batch[i].Body) {
			b.Errorf("%d kept: %t, %+v; want %d hits", i, ok, q, hits)
		}
	}
}

func ledgerKnown(b *ledgerBench) {
	e := b.entry()
	first := b.recordOne(e)
	k := b.known(e, first)
	for range 3 { // its receipt counts once however often it comes
		v := b.recordOne(k)
		b.expect(v, dedup.OutcomeDuplicate, dedup.ReasonWindowHit, dedup.RepeatTwin)
		if v.EventID != first.EventID {
			b.Errorf("a duplicate of %v, want %v", v.EventID, first.EventID)
		}
		b.expectHits(e, 1)
	}
	b.record(b.known(e, first), b.entry(), b.known(e, first), b.again(e))
	b.expectHits(e, 4)
}

func ledgerHits(b *ledgerBench) {
	one, two := b.entry(), b.entry()
	verdicts := b.record(one, two)
	hits := []dedup.Hit{b.hit(one, verdicts[0]), b.hit(two, verdicts[1]), b.hit(one, verdicts[0])}
	b.recordHits(append(hits, hits[0])...) // appended twice after a lost reply
	b.recordHits(hits...)                  // moved again after a crash
	b.recordHits(hits[2], b.hit(two, verdicts[1]))
	b.expectHits(one, 2)
	b.expectHits(two, 2)
	r, ok := b.Books.ReceiptsOf(hits[0].ReceiptID)[hits[0].ReceiptID]
	want := dedup.Verdict{Outcome: dedup.OutcomeDuplicate, Reason: dedup.ReasonWindowHit, Repeat: dedup.RepeatTwin, EventID: one.EventID}
	if !ok || r != (Receipt{b.source, want, hits[0].ReceivedAt, hits[0].Type, hits[0].RemoteIP}) {
		b.Errorf("receipt of a hit: %t, %+v", ok, r)
	}
	lost := b.hit(one, dedup.Verdict{EventID: dedup.NewID(b.start)}) // of an event that retention has deleted
	b.recordHits(lost)
	if len(b.Books.ReceiptsOf(lost.ReceiptID)) != 1 {
		b.Error("the receipt of a deleted event's hit is not kept")
	}
}

func ledgerHitsAndKnown(b *ledgerBench) {
	e := b.entry()
	first := b.recordOne(e)
	k := b.known(e, first)
	b.recordOne(k)
	b.recordHits(dedup.Hit{
		ReceiptID: k.ReceiptID, ReceivedAt: k.ReceivedAt, Source: b.source, EventID: first.EventID, Type: k.Type,
		DispatchID: k.DispatchID, Repeat: dedup.RepeatTwin, RemoteIP: k.RemoteIP,
	})
	b.expectHits(e, 1)
}

// mixed is a batch of everything.
func (b *ledgerBench) mixed(name string) []*dedup.Entry {
	run := b.life(name)
	e, old := b.entry(), b.entry()
	told := b.recordOne(old)
	batch := append(run.story(), e, b.again(e), b.again(old), b.known(old, told), b.unreadable(name, dedup.ReasonNotJSON), b.unreadable(name, dedup.ReasonNotJSON))
	return append(batch, b.again(batch[1]), b.entry(func(in *dedup.Inbound) { in.Test, in.Type = true, "TEST" }))
}

func ledgerAgain(b *ledgerBench) {
	batch := b.mixed("run")
	verdicts := b.record(batch...)
	b.recordOne(b.again(batch[0])) // life goes on in between
	before := b.snapshot(batch)
	for range 2 {
		if again := b.record(batch...); !slices.Equal(again, verdicts) {
			b.Fatalf("recorded again\n got %+v\nwant %+v", again, verdicts)
		}
	}
	b.expectSame(before, b.snapshot(batch))
}

func ledgerPartAgain(b *ledgerBench) {
	batch := b.mixed("run")
	verdicts := b.record(batch...)
	before := b.snapshot(batch)
	added := []*dedup.Entry{b.again(batch[0]), b.entry(), b.life("other").created()}
	again := b.record(slices.Concat(added[:1], batch[:5], added[1:2], batch[5:], added[2:])...)
	if got := slices.Concat(again[1:6], again[7:len(again)-1]); !slices.Equal(got, verdicts) {
		b.Fatalf("recorded before\n got %+v\nwant %+v", got, verdicts)
	}
	b.expectDuplicateOf(verdicts[0], again[0])
	b.expect(again[6], dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	b.expect(again[len(again)-1], dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	before.hits[batch[0].Key]++
	before.receipts += int64(len(added))
	b.expectSame(before, b.snapshot(batch))
}

// snapshot is what must not change when a batch is recorded again.
type ledgerSnapshot struct {
	hits     map[dedup.Key]int64
	kept     map[dedup.ID]int64
	runs     map[dedup.RunRef]Run
	receipts int64
}

func (b *ledgerBench) snapshot(batch []*dedup.Entry) ledgerSnapshot {
	s := ledgerSnapshot{map[dedup.Key]int64{}, map[dedup.ID]int64{}, map[dedup.RunRef]Run{}, 0}
	kept := b.receipts(batch)
	for _, e := range batch {
		if ev, ok := b.Books.Event(e.Key); ok {
			s.hits[e.Key] = ev.Hits
		}
		if q, ok := b.Books.Quarantined(kept[e.ReceiptID].Verdict.QuarantineID); ok {
			s.kept[q.ID] = q.Hits
		}
		if run, ok := b.Books.Run(b.source, e.Run); ok {
			run.seq = 0
			s.runs[e.Run] = run
		}
	}
	for _, n := range b.Books.Tallies(b.source) {
		s.receipts += n
	}
	return s
}

func (b *ledgerBench) expectSame(want, got ledgerSnapshot) {
	b.Helper()
	if !maps.Equal(want.hits, got.hits) || !maps.Equal(want.kept, got.kept) || !maps.Equal(want.runs, got.runs) || want.receipts != got.receipts {
		b.Fatalf("the books changed\n got %+v\nwant %+v", got, want)
	}
}

func ledgerCounters(b *ledgerBench) {
	var told []Receipt
	take := func(batch []*dedup.Entry) {
		for i, v := range b.record(batch...) {
			e := batch[i]
			told = append(told, Receipt{b.source, v, e.ReceivedAt, e.Type, e.RemoteIP})
		}
	}
	first := b.entry()
	b.start = b.start.Add(-3 * time.Hour) // earlier than its first: a lag below zero is none
	take([]*dedup.Entry{first, b.again(first)})
	for n, away := range []time.Duration{0, 30 * time.Second, 90 * time.Minute, 25 * time.Hour} {
		b.start = b.start.Add(away)
		e := b.life(fmt.Sprint("run", n)).created()
		take([]*dedup.Entry{e, b.again(e), b.unreadable(fmt.Sprint(n), dedup.ReasonNotJSON), b.again(first)})
		take([]*dedup.Entry{b.again(e)})
	}
	tallies, lags := map[Tally]int64{}, map[Lag]int64{}
	for _, r := range told {
		tallies[tallyOf(r)]++
		if lag, ok := lagOf(r); ok {
			lags[lag]++
		}
	}
	if got := b.Books.Tallies(b.source); !maps.Equal(got, tallies) {
		b.Errorf("receipts counted\n got %v\nwant %v", got, tallies)
	}
	if got := b.Books.Lags(b.source); !maps.Equal(got, lags) {
		b.Errorf("lags counted\n got %v\nwant %v", got, lags)
	}
}

func ledgerConcurrent(b *ledgerBench) {
	const writers, rounds = 8, 6
	var batches [][]*dedup.Entry
	var runs []life
	hits := map[dedup.Key]int64{}
	for n := range 10 {
		runs = append(runs, b.life(fmt.Sprint("run", n)))
	}
	for range writers * rounds {
		var batch []*dedup.Entry
		for _, run := range runs {
			for _, e := range run.story() {
				batch = append(batch, e)
				hits[e.Key]++
			}
		}
		rand.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		batches = append(batches, batch)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	firsts, opened := 0, 0
	for w := range writers {
		wg.Go(func() {
			for r := range rounds {
				for _, v := range b.retry(batches[w*rounds+r]...) {
					mu.Lock()
					if v.Outcome != dedup.OutcomeDuplicate {
						firsts++
					}
					if v.Outcome == dedup.OutcomeNew {
						opened++
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if firsts != 6*len(runs) || opened != len(runs) {
		b.Errorf("%d firsts, %d of them new; want %d and %d", firsts, opened, 6*len(runs), len(runs))
	}
	for _, run := range runs {
		run.expect(dedup.StatusFailed, 6)
	}
	for _, e := range batches[0] {
		b.expectHits(e, hits[e.Key]-1)
	}
}

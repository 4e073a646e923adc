package deduptest

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func ledgerNewEvent(b *ledgerBench) {
	e := b.entry()
	v := b.recordOne(e)
	b.expect(v, dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	if v.EventID != e.EventID || v.FirstTag != e.DispatchID || !v.QuarantineID.IsZero() || v.Degraded {
		b.Errorf("verdict %+v of entry %+v", v, e)
	}
	ev := b.event(e)
	want := Event{ID: e.EventID, FirstReceipt: e.ReceiptID, Tag: e.DispatchID, Outcome: dedup.OutcomeNew, Body: e.Body}
	if ev.ID != want.ID || ev.FirstReceipt != want.FirstReceipt || ev.Tag != want.Tag || ev.Outcome != want.Outcome || ev.Hits != 0 {
		b.Errorf("got %+v, want %+v", ev, want)
	}
}

func ledgerRepeats(b *ledgerBench) {
	long := strings.Repeat("d", 100)
	for _, c := range []struct {
		first, repeat string
		want          dedup.Repeat
	}{
		{"WOa1nBxEJk9MpBiQr", "WOa1nBxEJk9MpBiQr", dedup.RepeatRetry},
		{"WOa1nBxEJk9MpBiQr", "aaaaaaaaaaaaaaaaa", dedup.RepeatTwin},
		{"", "WOa1nBxEJk9MpBiQr", dedup.RepeatUnknown},
		{"WOa1nBxEJk9MpBiQr", "", dedup.RepeatUnknown},
		{long, long, dedup.RepeatRetry},
		{long, long + "d", dedup.RepeatTwin},
	} {
		e := b.entry(func(in *dedup.Inbound) { in.DispatchID = c.first })
		first := b.recordOne(e)
		for n := range int64(2) {
			v := b.recordOne(b.again(e, func(in *dedup.Inbound) { in.DispatchID = c.repeat }))
			b.expect(v, dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, c.want)
			b.expectDuplicateOf(first, v)
			b.expectHits(e, n+1)
		}
	}
}

func ledgerRaceLost(b *ledgerBench) {
	e := b.entry()
	first := b.recordOne(e)
	late := b.again(e)
	late.Claim.State = dedup.ClaimPending
	v := b.recordOne(late)
	b.expect(v, dedup.OutcomeDuplicate, dedup.ReasonRaceLost, dedup.RepeatTwin)
	b.expectDuplicateOf(first, v)
}

func ledgerTwinsInBatch(b *ledgerBench) {
	other, e := b.entry(), b.entry()
	retry := b.again(e, func(in *dedup.Inbound) { in.DispatchID = e.DispatchID })
	verdicts := b.record(e, b.again(e), other, retry)
	b.expect(verdicts[0], dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	b.expect(verdicts[1], dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, dedup.RepeatTwin)
	b.expect(verdicts[2], dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	b.expect(verdicts[3], dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, dedup.RepeatRetry)
	b.expectDuplicateOf(verdicts[0], verdicts[1])
	b.expectHits(e, 2)
	b.expectHits(other, 0)

	for _, v := range b.record(b.again(e), b.again(e)) { // of an event that is there already both are repeats
		b.expectDuplicateOf(verdicts[0], v)
	}
	b.expectHits(e, 4)
}

func ledgerManyAtOnce(b *ledgerBench) {
	const n = 64
	e := b.entry()
	entries := []*dedup.Entry{e}
	for len(entries) < n {
		entries = append(entries, b.again(e))
	}
	verdicts := make([]dedup.Verdict, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { verdicts[i] = b.retry(entries[i])[0] })
	}
	wg.Wait()
	b.expectReceipts(entries, verdicts)
	firsts := 0
	for _, v := range verdicts {
		if v.EventID != verdicts[0].EventID {
			b.Errorf("two events: %v and %v", v.EventID, verdicts[0].EventID)
		}
		if v.Outcome != dedup.OutcomeDuplicate {
			firsts++
		}
	}
	if firsts != 1 {
		b.Errorf("%d firsts, want one", firsts)
	}
	b.expectHits(e, n-1)
}

func ledgerOtherSource(b *ledgerBench) {
	e := b.entry()
	elsewhere := b.again(e, func(in *dedup.Inbound) { in.Key.Source += "x" })
	for _, v := range b.record(e, elsewhere) {
		b.expect(v, dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
	}
	b.expectHits(e, 0)
}

func ledgerWithoutRun(b *ledgerBench) {
	ref := dedup.RunRef{Kind: dedup.KindRun, ID: "run-of-an-unknown-type"}
	for _, e := range []*dedup.Entry{b.entry(), b.entry(func(in *dedup.Inbound) { in.Run = ref })} {
		v := b.recordOne(e)
		b.expect(v, dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
		if v.Seq != 0 {
			b.Errorf("seq %d for an event that moves no run", v.Seq)
		}
	}
	if r, ok := b.Books.Run(b.source, ref); ok {
		b.Errorf("an event of unknown type made run %+v", r)
	}
}

func ledgerTest(b *ledgerBench) {
	run := b.life("run")
	created := b.recordOne(run.created())
	test := b.entry(func(in *dedup.Inbound) {
		in.Test, in.Type, in.Run, in.Status = true, "TEST", run.ref, dedup.StatusSucceeded
	})
	v := b.recordOne(test)
	b.expect(v, dedup.OutcomeTest, dedup.ReasonFirstSeen, dedup.RepeatNone)
	if v.Seq != 0 || created.Seq == 0 || b.event(test).Outcome != dedup.OutcomeTest {
		b.Errorf("created %+v, test %+v kept as %+v", created, v, b.event(test))
	}
	b.expect(b.recordOne(b.again(test)), dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, dedup.RepeatTwin)
	run.expect(dedup.StatusCreated, 1)
}

func ledgerDegraded(b *ledgerBench) {
	e := b.entry()
	e.Claim = dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}
	repeat := b.again(e)
	repeat.Claim = e.Claim
	first, second := b.recordOne(e), b.recordOne(repeat)
	if !first.Degraded || !second.Degraded {
		b.Errorf("not marked: %+v, %+v", first, second)
	}
}

func ledgerEmptyBatch(b *ledgerBench) {
	b.record()
	b.recordHits()
}

func ledgerBodies(b *ledgerBench) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, body := range [][]byte{
		nil,
		{},
		{0},
		[]byte("\x00a\x00"), []byte("\xff\xfe invalid \xc3\x28"), every, []byte(`{"é":"😀\u0000"}`), []byte(`\x00`),
		bytes.Repeat([]byte{'x', 0xff, 0}, 1<<20/3), bytes.Repeat([]byte("compressible "), 1000),
	} {
		e := b.entry(func(in *dedup.Inbound) { in.Body = body })
		kept := b.entry(func(in *dedup.Inbound) {
			in.Body, in.Quarantine = body, &dedup.Quarantine{Reason: dedup.ReasonNotJSON, Message: "no"}
		})
		verdicts := b.record(e, kept)
		if got := b.event(e).Body; !bytes.Equal(got, body) {
			b.Errorf("%d bytes came back as %d", len(body), len(got))
		}
		if q, ok := b.Books.Quarantined(verdicts[1].QuarantineID); !ok || !bytes.Equal(q.Body, body) {
			b.Errorf("quarantine: %d bytes came back as %d, found: %t", len(body), len(q.Body), ok)
		}
	}
}

// retry records as the gate does: again while the ledger is contended. It is for goroutines, so it does not end the test.
func (b *ledgerBench) retry(batch ...*dedup.Entry) []dedup.Verdict {
	deadline := time.Now().Add(30 * time.Second)
	for {
		verdicts, _, err := b.Ledger.Record(b.Context(), batch)
		if err == nil && len(verdicts) == len(batch) {
			return verdicts
		}
		if time.Now().After(deadline) {
			b.Errorf("record %d entries: %d verdicts, error %v", len(batch), len(verdicts), err)
			return make([]dedup.Verdict, len(batch))
		}
	}
}

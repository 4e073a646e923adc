package deduptest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// life is one run and the events of its lives.
type life struct {
	b   *ledgerBench
	ref dedup.RunRef
}

func (b *ledgerBench) life(id string) life {
	return life{b, dedup.RunRef{Kind: dedup.KindRun, ID: id}}
}

// event makes an event of the run's n-th life that happened so many minutes after the run began.
func (l life) event(status dedup.Status, rank dedup.Rank, n uint32, minute int) *dedup.Entry {
	at := l.b.start.Add(time.Duration(minute) * time.Minute)
	return l.b.entry(func(in *dedup.Inbound) {
		in.Run, in.Type, in.Status, in.OccurredAt = l.ref, "ACTOR.RUN."+string(status), status, at
		in.Key.Event = dedup.Compose("r", l.ref.ID, fmt.Sprint(n), string(status))
		in.Version = dedup.Version{Life: n, Rank: rank, At: at.UnixMilli(), Type: in.Type}
		in.ActorID = "actor"
	})
}

func (l life) created() *dedup.Entry { return l.event(dedup.StatusCreated, dedup.RankCreated, 0, 0) }

func (l life) ended(status dedup.Status, n uint32) *dedup.Entry {
	return l.event(status, dedup.RankEnd, n, 2*int(n)+1)
}

func (l life) resurrected(n uint32) *dedup.Entry {
	return l.event(dedup.StatusResurrected, dedup.RankResurrected, n, 2*int(n))
}

// story is a run that is resurrected twice: six events, of which the last two ends have the same type in different lives.
func (l life) story() []*dedup.Entry {
	return []*dedup.Entry{
		l.created(), l.ended(dedup.StatusSucceeded, 0), l.resurrected(1), l.ended(dedup.StatusSucceeded, 1),
		l.resurrected(2), l.ended(dedup.StatusFailed, 2),
	}
}

func (l life) expect(status dedup.Status, events int64) {
	l.b.Helper()
	r, ok := l.b.Books.Run(l.b.source, l.ref)
	if !ok || r.Status != status || r.Events != events {
		l.b.Fatalf("run %s kept: %t, %+v; want %s after %d events", l.ref.ID, ok, r, status, events)
	}
}

func ledgerUpdatedOrLate(b *ledgerBench) {
	run := b.life("run")
	for _, step := range []struct {
		entry   *dedup.Entry
		outcome dedup.Outcome
		status  dedup.Status
	}{
		{run.resurrected(1), dedup.OutcomeNew, dedup.StatusResurrected},
		{run.ended(dedup.StatusSucceeded, 0), dedup.OutcomeLate, dedup.StatusResurrected},
		{run.created(), dedup.OutcomeLate, dedup.StatusResurrected},
		{run.ended(dedup.StatusTimedOut, 1), dedup.OutcomeUpdated, dedup.StatusTimedOut},
	} {
		v := b.recordOne(step.entry)
		b.expect(v, step.outcome, dedup.ReasonFirstSeen, dedup.RepeatNone)
		if kept := b.event(step.entry); kept.Outcome != step.outcome || kept.Seq != v.Seq {
			b.Errorf("kept as %+v, answered %+v", kept, v)
		}
		if r, _ := b.Books.Run(b.source, run.ref); r.Status != step.status {
			b.Errorf("after %s the run shows %s", step.entry.Type, r.Status)
		}
	}
	build := b.life("run")
	build.ref.Kind = dedup.KindBuild
	e := build.created()
	e.Key.Event = "a build with the id of the run"
	b.expect(b.recordOne(e), dedup.OutcomeNew, dedup.ReasonFirstSeen, dedup.RepeatNone)
}

func ledgerSeq(b *ledgerBench) {
	run := b.life("run")
	var last int64
	for _, e := range run.story() {
		v := b.recordOne(e)
		if v.Seq <= last {
			b.Errorf("seq %d after %d", v.Seq, last)
		}
		last = v.Seq
		b.recordOne(b.again(e)) // may cost a number, never makes one twice
	}
	at := map[int64]bool{}
	for _, v := range b.record(b.life("other").story()...) {
		if v.Seq < 1 || at[v.Seq] {
			b.Errorf("seq %d within one batch: zero or given twice", v.Seq)
		}
		at[v.Seq] = true
	}
}

// delivery orders: every order of a run's six events, with repeats mixed in.
func (b *ledgerBench) allOrders() (runs []life, orders [][]*dedup.Entry) {
	random := rand.New(rand.NewPCG(1, 2))
	permute(6, func(order []int) {
		run := b.life(fmt.Sprintf("run%03d", len(runs)))
		story := run.story()
		var told []*dedup.Entry
		for i, which := range order {
			told = append(told, story[which])
			for random.IntN(3) == 0 { // a repeat of something told before
				told = append(told, b.again(story[order[random.IntN(i+1)]]))
			}
		}
		runs, orders = append(runs, run), append(orders, told)
	})
	return runs, orders
}

func ledgerAllOrders(b *ledgerBench) {
	runs, orders := b.allOrders()
	for step := 0; ; step++ {
		var batch []*dedup.Entry // every run's next delivery, so that the runs go on in step
		for _, told := range orders {
			if step < len(told) {
				batch = append(batch, told[step])
			}
		}
		if len(batch) == 0 {
			break
		}
		random := rand.New(rand.NewPCG(3, uint64(step)))
		random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
		for len(batch) > 0 {
			n := min(len(batch), 128)
			b.record(batch[:n]...)
			batch = batch[n:]
		}
	}
	b.expectAllOrders(runs, orders)
}

func ledgerAllOrdersAtOnce(b *ledgerBench) {
	runs, orders := b.allOrders()
	for from := 0; from < len(orders); from += 10 {
		var batch []*dedup.Entry
		for _, told := range orders[from:min(len(orders), from+10)] {
			batch = append(batch, told...)
		}
		b.record(batch...)
	}
	b.expectAllOrders(runs, orders)
}

// expectAllOrders wants every run to show its last life, and exactly one event of each to have opened it.
func (b *ledgerBench) expectAllOrders(runs []life, orders [][]*dedup.Entry) {
	b.Helper()
	want := dedup.Version{Life: 2, Rank: dedup.RankEnd, At: b.start.Add(5 * time.Minute).UnixMilli(), Type: "ACTOR.RUN.FAILED"}
	for i, run := range runs {
		run.expect(dedup.StatusFailed, 6)
		if r, _ := b.Books.Run(b.source, run.ref); r.Version != want {
			b.Fatalf("run %s shows version %+v, want %+v", run.ref.ID, r.Version, want)
		}
		outcomes := map[dedup.Outcome]int{}
		for _, r := range b.receipts(orders[i]) {
			outcomes[r.Verdict.Outcome]++
		}
		if outcomes[dedup.OutcomeNew] != 1 || outcomes[dedup.OutcomeDuplicate] != len(orders[i])-6 {
			b.Fatalf("run %s: outcomes %v of %d deliveries", run.ref.ID, outcomes, len(orders[i]))
		}
	}
}

func ledgerDuplicateMovesNothing(b *ledgerBench) {
	run := b.life("run")
	created := run.created()
	b.recordOne(created)
	later := func(in *dedup.Inbound) {
		in.Version.Life, in.Status, in.ActorID, in.TaskID = 9, dedup.StatusFailed, "other", "task"
	}
	b.expect(b.recordOne(b.again(created, later)), dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, dedup.RepeatTwin)
	run.expect(dedup.StatusCreated, 1)
}

func ledgerDuplicateAmongOthers(b *ledgerBench) {
	run := b.life("run")
	created, ended := run.created(), run.ended(dedup.StatusSucceeded, 0)
	b.recordOne(created)
	repeat := b.again(created, func(in *dedup.Inbound) { in.Version.Life = 9 })
	verdicts := b.record(repeat, ended)
	b.expect(verdicts[0], dedup.OutcomeDuplicate, dedup.ReasonLedgerHit, dedup.RepeatTwin)
	b.expect(verdicts[1], dedup.OutcomeUpdated, dedup.ReasonFirstSeen, dedup.RepeatNone)
	if kept := b.event(ended); kept.Outcome != dedup.OutcomeUpdated {
		b.Errorf("kept as %s", kept.Outcome)
	}
	run.expect(dedup.StatusSucceeded, 2)
}

// permute calls visit with every order of 0 to n-1.
func permute(n int, visit func([]int)) {
	order := make([]int, 0, n)
	var place func()
	place = func() {
		if len(order) == n {
			visit(order)
			return
		}
		for i := range n {
			used := false
			for _, o := range order {
				used = used || o == i
			}
			if !used {
				order = append(order, i)
				place()
				order = order[:len(order)-1]
			}
		}
	}
	place()
}

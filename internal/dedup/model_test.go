package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
)

// fault is what happens to the next call of Record.
type fault int

const (
	sound         fault = iota
	lostBefore          // the process dies before the commit
	lostAfter           // the process dies after the commit, before the answer
	unclearStored       // the commit's answer is lost, the commit is done
	unclearNot          // the commit's answer is lost, the commit is not done
)

// faultyLedger is the reference with one fault at a time. A death lasts until the process is started again.
type faultyLedger struct {
	*deduptest.Ledger
	mu   sync.Mutex
	next fault
	dead bool
}

func (l *faultyLedger) Record(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, dedup.Incarnation{}, dedup.ErrUnavailable
	}
	f := l.next
	l.next = sound
	if f == lostBefore {
		l.dead = true
		return nil, dedup.Incarnation{}, dedup.ErrUnavailable
	}
	if f == unclearNot {
		return nil, dedup.Incarnation{}, dedup.ErrUnclear
	}
	verdicts, inc, err := l.Ledger.Record(ctx, batch)
	if f == lostAfter {
		l.dead = true
		return nil, dedup.Incarnation{}, dedup.ErrUnavailable
	}
	if f == unclearStored {
		return nil, dedup.Incarnation{}, dedup.ErrUnclear
	}
	return verdicts, inc, err
}

// world is the system under test with the model beside it.
type world struct {
	t       *rapid.T
	now     time.Time
	clock   sync.Mutex
	claimer *deduptest.Claimer
	hits    *deduptest.HitLog
	redis   *deduptest.Outage
	ledger  *faultyLedger
	gate    *dedup.Gate

	// The model: the events that are known, by key, and what the database must hold of each.
	known    map[dedup.Key]*knownEvent
	runs     map[dedup.RunRef]dedup.Version
	receipts int
}

type knownEvent struct {
	id       dedup.ID // zero until an answer has told it
	receipts int64
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: time.Now(), known: map[dedup.Key]*knownEvent{}, runs: map[dedup.RunRef]dedup.Version{}}
	w.claimer = deduptest.NewClaimer(func() time.Time { w.clock.Lock(); defer w.clock.Unlock(); return w.now })
	w.hits = deduptest.NewHitLog(20)
	w.redis = deduptest.NewOutage(w.claimer, w.hits)
	w.ledger = &faultyLedger{Ledger: deduptest.NewLedger()}
	w.start()
	return w
}

func (w *world) start() {
	w.ledger.mu.Lock()
	w.ledger.dead, w.ledger.next = false, sound
	w.ledger.mu.Unlock()
	var err error
	w.gate, err = dedup.NewGate(dedup.Options{
		Claimer: w.redis, HitLog: w.redis, Ledger: w.ledger, Deadline: 8 * time.Second, SettleTimeout: 20 * time.Millisecond,
		QueueRequests: 64, QueueBytes: 1 << 20, BatchRequests: 16, BatchBytes: 1 << 19, Claimers: 2, Committers: 2,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if err := w.gate.Close(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// fact is an event that a sender may tell, any number of times, through any webhook.
type fact struct {
	key     string
	status  dedup.Status
	version dedup.Version
}

var facts = []fact{
	{"C", dedup.StatusCreated, dedup.Version{Type: "CREATED"}},
	{"S1", dedup.StatusSucceeded, dedup.Version{Rank: dedup.RankEnd, At: 10, Type: "SUCCEEDED"}},
	{"R1", dedup.StatusResurrected, dedup.Version{Life: 1, Rank: dedup.RankResurrected, Type: "RESURRECTED"}},
	{"S2", dedup.StatusSucceeded, dedup.Version{Life: 1, Rank: dedup.RankEnd, At: 20, Type: "SUCCEEDED"}},
	{"F", dedup.StatusFailed, dedup.Version{Life: 2, Rank: dedup.RankEnd, At: 30, Type: "FAILED"}},
	{"none", "", dedup.Version{}},
}

func (w *world) draw() *dedup.Inbound {
	run := rapid.IntRange(0, 1).Draw(w.t, "run")
	f := rapid.SampledFrom(facts).Draw(w.t, "fact")
	w.clock.Lock()
	now := w.now
	w.clock.Unlock()
	return &dedup.Inbound{
		ReceiptID: dedup.NewID(now), ReceivedAt: now, Key: dedup.Key{Source: "apify", Event: fmt.Sprintf("r:%d:%s", run, f.key)},
		Run:    dedup.RunRef{Kind: dedup.KindRun, ID: fmt.Sprint(run)},
		Status: f.status, Version: f.version, Type: f.version.Type, Body: []byte(f.key),
		DispatchID: fmt.Sprintf("d%d", rapid.IntRange(0, 2).Draw(w.t, "dispatch")),
		Window:     72 * time.Hour, Lease: 15 * time.Second, Via: dedup.ViaWebhook,
	}
}

// stored notes in the model that a receipt of the inbound is, or will be, in the database.
func (w *world) stored(in *dedup.Inbound, id dedup.ID) (first bool) {
	e := w.known[in.Key]
	if first = e == nil; first {
		e = &knownEvent{}
		w.known[in.Key] = e
		if v, ok := w.runs[in.Run]; in.MovesRun() && (!ok || in.Version.Compare(v) > 0) {
			w.runs[in.Run] = in.Version
		}
	}
	if e.id.IsZero() {
		e.id = id
	}
	e.receipts++
	w.receipts++
	return first
}

// answered checks a verdict against the model.
func (w *world) answered(in *dedup.Inbound, v dedup.Verdict) {
	seenBefore := w.known[in.Key]
	var id dedup.ID
	if seenBefore != nil {
		id = seenBefore.id
	}
	first := w.stored(in, v.EventID)
	if (v.Outcome != dedup.OutcomeDuplicate) != first {
		w.t.Fatalf("%s: answered %s/%s, known before: %v", in.Key, v.Outcome, v.Reason, !first)
	}
	if !first && !id.IsZero() && v.EventID != id {
		w.t.Fatalf("%s: the duplicate names event %s, the first was %s", in.Key, v.EventID, id)
	}
}

func (w *world) receive() {
	in := w.draw()
	v, err := w.gate.Admit(context.Background(), in)
	if err != nil {
		w.t.Fatalf("%s: %v, though the database is there", in.Key, err)
	}
	w.answered(in, v)
}

// receiveUnclear loses the commit's answer once; the sender must not notice.
func (w *world) receiveUnclear() {
	w.arm(rapid.SampledFrom([]fault{unclearStored, unclearNot}).Draw(w.t, "fault"))
	w.receive()
	w.arm(sound)
}

// receiveAndDie has the process die on the way. A good mark is answered all the same.
func (w *world) receiveAndDie() {
	f := rapid.SampledFrom([]fault{lostBefore, lostAfter}).Draw(w.t, "fault")
	in := w.draw()
	w.arm(f)
	v, err := w.gate.Admit(context.Background(), in)
	w.ledger.mu.Lock()
	died := w.ledger.dead
	w.ledger.mu.Unlock()
	switch {
	case err == nil && !died:
		w.answered(in, v)
	case err == nil: // the mark was good, but the hit log was full, and then the database died
		if v.Outcome != dedup.OutcomeDuplicate || w.known[in.Key] == nil {
			w.t.Fatalf("%s: answered %s without a database", in.Key, v.Outcome)
		}
		if f == lostAfter || !v.Unrecorded {
			w.stored(in, v.EventID)
		}
	case !errors.Is(err, dedup.ErrUnavailable):
		w.t.Fatalf("%s: %v", in.Key, err)
	case f == lostAfter:
		w.stored(in, dedup.ID{})
	}
	w.stop()
	w.start()
}

func (w *world) arm(f fault) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.ledger.next = f
}

// receiveTogether sends one event several times at once: exactly one may be first.
func (w *world) receiveTogether() {
	n := rapid.IntRange(2, 12).Draw(w.t, "requests")
	in := w.draw()
	verdicts := make([]dedup.Verdict, n)
	ins := make([]*dedup.Inbound, n)
	var wg sync.WaitGroup
	for i := range n {
		one := *in
		one.ReceiptID, one.DispatchID = dedup.NewID(in.ReceivedAt), fmt.Sprintf("d%d", i%3)
		ins[i] = &one
		wg.Go(func() {
			v, err := w.gate.Admit(context.Background(), &one)
			if err != nil {
				v.Outcome = dedup.Outcome(err.Error())
			}
			verdicts[i] = v
		})
	}
	wg.Wait()
	firsts := 0
	for i, v := range verdicts {
		if v.Outcome != dedup.OutcomeDuplicate {
			firsts++
			w.answered(ins[i], v)
		}
	}
	if firsts > 1 {
		w.t.Fatalf("%s: %d firsts", in.Key, firsts)
	}
	for i, v := range verdicts {
		if v.Outcome == dedup.OutcomeDuplicate {
			w.answered(ins[i], v)
		}
	}
}

func (w *world) pass() {
	d := rapid.SampledFrom([]time.Duration{time.Second, 16 * time.Second, 73 * time.Hour}).Draw(w.t, "time")
	w.clock.Lock()
	defer w.clock.Unlock()
	w.now = w.now.Add(d)
}

// drain moves hits; the drainer may die between its commit and its acknowledgement.
func (w *world) drain(all bool) {
	for {
		reader := w.hits.NewReader()
		reader.Patience = 0 // nothing arrives while it reads
		batch, err := reader.ReadHits(context.Background(), 7)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(batch.Hits) == 0 {
			reader.Die()
			return
		}
		if err := w.ledger.RecordHits(context.Background(), batch.Hits); err != nil {
			w.t.Fatal(err)
		}
		if all || rapid.Bool().Draw(w.t, "acknowledged") {
			if err := reader.DoneHits(context.Background(), batch); err != nil {
				w.t.Fatal(err)
			}
		}
		reader.Die()
		if !all {
			return
		}
	}
}

// restore loses the database and begins another life of it: what was known is not any more, whatever Redis says.
func (w *world) restore() {
	w.drain(true)
	w.ledger.Restore()
	w.known, w.runs, w.receipts = map[dedup.Key]*knownEvent{}, map[dedup.RunRef]dedup.Version{}, 0
}

// settleBooks compares database and model when nothing is on its way.
func (w *world) settleBooks() {
	w.drain(true)
	if got := w.ledger.Receipts(); got != w.receipts {
		w.t.Fatalf("the database has %d receipts, %d requests were answered or committed", got, w.receipts)
	}
	for key, want := range w.known {
		got, ok := w.ledger.Event(key)
		switch {
		case !ok:
			w.t.Fatalf("%s was answered and is lost", key)
		case got.Hits != want.receipts-1:
			w.t.Fatalf("%s: %d hits for %d receipts", key, got.Hits, want.receipts)
		case !want.id.IsZero() && got.ID != want.id:
			w.t.Fatalf("%s: stored as %s, answered as %s", key, got.ID, want.id)
		}
	}
	for ref, want := range w.runs {
		if got, _ := w.ledger.Run("apify", ref); got.Version != want {
			w.t.Fatalf("run %s shows %v, its highest event is %v", ref.ID, got.Version, want)
		}
	}
}

// TestTheGateAgainstAModel prints the seed of a failure, and how to repeat it (rapid).
func TestTheGateAgainstAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		defer w.stop()
		t.Repeat(map[string]func(*rapid.T){
			"receive":         func(t *rapid.T) { w.t = t; w.receive() },
			"receiveTogether": func(t *rapid.T) { w.t = t; w.receiveTogether() },
			"receiveUnclear":  func(t *rapid.T) { w.t = t; w.receiveUnclear() },
			"receiveAndDie":   func(t *rapid.T) { w.t = t; w.receiveAndDie() },
			"timePasses":      func(t *rapid.T) { w.t = t; w.pass() },
			"redisFlushed":    func(*rapid.T) { w.claimer.Flush() },
			"redisFails":      func(*rapid.T) { w.redis.Fail() },
			"repliesLost":     func(*rapid.T) { w.redis.LoseReplies() },
			"redisBack":       func(*rapid.T) { w.redis.Wake() },
			"drain":           func(t *rapid.T) { w.t = t; w.drain(false) },
			"restore":         func(t *rapid.T) { w.t = t; w.restore() },
		})
		w.t = t
		w.settleBooks()
	})
}

package dedup_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// steps records the order in which a gate meets its stores.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, step)
}

func (s *steps) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.list)
}

// fakes are stores made of functions; a nil function is a store that works and knows nothing.
type fakes struct {
	steps
	claim       func([]dedup.ClaimRequest) []dedup.ClaimReply
	settleFunc  func(context.Context, []dedup.Settlement) error
	appendFunc  func([]dedup.Hit) error
	record      func(context.Context, []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error)
	incarnation func() (dedup.Incarnation, bool)
}

var thisLife = dedup.Incarnation{1}

func (f *fakes) Claim(_ context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	f.add("claim")
	if f.claim != nil {
		return f.claim(reqs)
	}
	replies := make([]dedup.ClaimReply, len(reqs))
	for i := range replies {
		replies[i].State = dedup.ClaimFirst
	}
	return replies
}

func (f *fakes) Settle(ctx context.Context, marks []dedup.Settlement) error {
	f.add("settle")
	if f.settleFunc != nil {
		return f.settleFunc(ctx, marks)
	}
	return nil
}

func (f *fakes) Append(_ context.Context, hits []dedup.Hit) error {
	f.add("append")
	if f.appendFunc != nil {
		return f.appendFunc(hits)
	}
	return nil
}

func (f *fakes) Record(ctx context.Context, batch []*dedup.Entry) ([]dedup.Verdict, dedup.Incarnation, error) {
	f.add("record")
	if f.record != nil {
		return f.record(ctx, batch)
	}
	return firstForAll(batch), thisLife, nil
}

func (f *fakes) Incarnation() (dedup.Incarnation, bool) {
	if f.incarnation != nil {
		return f.incarnation()
	}
	return thisLife, true
}

func firstForAll(batch []*dedup.Entry) []dedup.Verdict {
	verdicts := make([]dedup.Verdict, len(batch))
	for i, e := range batch {
		verdicts[i] = dedup.Decide(e, dedup.Found{Inserted: true, EventID: e.EventID, FirstTag: dedup.DispatchTag(e.DispatchID)})
	}
	return verdicts
}

func newGate(t *testing.T, f *fakes, change ...func(*dedup.Options)) *dedup.Gate {
	t.Helper()
	opts := dedup.Options{
		Claimer: f, HitLog: f, Ledger: f,
		Deadline: 8 * time.Second, SettleTimeout: 20 * time.Millisecond,
		QueueRequests: 64, QueueBytes: 1 << 20, BatchRequests: 16, BatchBytes: 1 << 19, Claimers: 1, Committers: 1,
	}
	for _, c := range change {
		c(&opts)
	}
	g, err := dedup.NewGate(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return g
}

func inbound(key string) *dedup.Inbound {
	now := time.Now()
	return &dedup.Inbound{
		ReceiptID: dedup.NewID(now), ReceivedAt: now, Key: dedup.Key{Source: "apify", Event: key}, DispatchID: "d-" + key,
		Run: dedup.RunRef{Kind: dedup.KindRun, ID: key}, Type: "ACTOR.RUN.SUCCEEDED", Status: dedup.StatusSucceeded,
		Body: []byte(`{}`), Window: 72 * time.Hour, Lease: 15 * time.Second, Via: dedup.ViaWebhook,
	}
}

func settled(mark dedup.Mark) func([]dedup.ClaimRequest) []dedup.ClaimReply {
	return func(reqs []dedup.ClaimRequest) []dedup.ClaimReply {
		replies := make([]dedup.ClaimReply, len(reqs))
		for i := range replies {
			replies[i] = dedup.ClaimReply{State: dedup.ClaimSettled, Mark: mark}
		}
		return replies
	}
}

func check(t *testing.T, v dedup.Verdict, err error, outcome dedup.Outcome, reason dedup.Reason) {
	t.Helper()
	if err != nil {
		t.Fatalf("admit: %v", err)
	}
	if v.Outcome != outcome || v.Reason != reason {
		t.Fatalf("got %s/%s, want %s/%s", v.Outcome, v.Reason, outcome, reason)
	}
}

// admitAll sends all inbounds at once while the commit worker is held, so that they share a batch.
func admitAll(g *dedup.Gate, ins []*dedup.Inbound) ([]dedup.Verdict, []error) {
	verdicts, errs := make([]dedup.Verdict, len(ins)), make([]error, len(ins))
	var wg sync.WaitGroup
	for i, in := range ins {
		wg.Go(func() { verdicts[i], errs[i] = g.Admit(context.Background(), in) })
	}
	wg.Wait()
	return verdicts, errs
}

package redisfront_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a busy machine makes slow; nothing is asserted about how long it takes.
const patience = 20 * time.Second

// open makes a front that ends with the test. Its budgets are long, so that nothing but a real failure degrades it.
func open(t testing.TB, opts redisfront.Options) *redisfront.Front {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout, opts.SettleTimeout = patience, patience
	}
	if opts.Mode == "" {
		opts.Mode = redisfront.ModeSingle
	}
	if opts.Log == nil {
		opts.Log = testkit.Logger(t)
	}
	f, err := redisfront.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// openSingle makes a front on one server, with a ledger id of its own.
func openSingle(t testing.TB, addr string) *redisfront.Front {
	t.Helper()
	return open(t, redisfront.Options{Addrs: []string{addr}, LedgerID: ledger(t)})
}

// ledger is a ledger id that nobody else uses.
func ledger(testing.TB) func() string {
	id := dedup.NewID(time.Now()).String()
	return func() string { return id }
}

func newKey() dedup.Key {
	return dedup.Key{Source: "apify", Event: dedup.Compose("r", dedup.NewID(time.Now()).String(), "S")}
}

func request(k dedup.Key) dedup.ClaimRequest {
	return dedup.ClaimRequest{Key: k, Token: dedup.NewID(time.Now()), Lease: time.Hour}
}

func newMark() dedup.Mark {
	return dedup.Mark{Incarnation: dedup.Incarnation{1, 2, 3}, EventID: dedup.NewID(time.Now()), Tag: "WOa1nBxEJk9MpBiQr"}
}

func newHit(source string) dedup.Hit {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	return dedup.Hit{
		ReceiptID: dedup.NewID(now), ReceivedAt: now, Source: source, EventID: dedup.NewID(now),
		Type: "ACTOR.RUN.SUCCEEDED", DispatchID: "WOa1nBxEJk9MpBiQr", Repeat: dedup.RepeatTwin, RemoteIP: "192.0.2.7",
	}
}

func claim(t testing.TB, c dedup.Claimer, r dedup.ClaimRequest) dedup.ClaimReply {
	t.Helper()
	replies := c.Claim(t.Context(), []dedup.ClaimRequest{r})
	if len(replies) != 1 {
		t.Fatalf("one claim gave %d replies", len(replies))
	}
	return replies[0]
}

func settle(ctx context.Context, c dedup.Claimer, k dedup.Key, m dedup.Mark) error {
	return c.Settle(ctx, []dedup.Settlement{{Key: k, Mark: m, Window: time.Hour}})
}

func expect(t testing.TB, c dedup.Claimer, r dedup.ClaimRequest, want dedup.ClaimReply) {
	t.Helper()
	if got := claim(t, c, r); got != want {
		t.Fatalf("claim gave %+v, want %+v", got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	first    = dedup.ClaimReply{State: dedup.ClaimFirst}
	pending  = dedup.ClaimReply{State: dedup.ClaimPending}
	degraded = dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}
)

func marked(m dedup.Mark) dedup.ClaimReply {
	return dedup.ClaimReply{State: dedup.ClaimSettled, Mark: m}
}

package deduptest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// ClaimerFixture is one claimer under test.
type ClaimerFixture struct {
	Claimer dedup.Claimer
	// Advance lets at least d pass for leases and windows: by turning a clock, or by waiting. The suite keeps d below a
	// second.
	Advance func(d time.Duration)
}

// The times of the suite. Nothing is asserted to happen before a short one ends, so a slow machine can't fail it.
const (
	shortTime = 100 * time.Millisecond
	pastShort = 150 * time.Millisecond
	longTime  = time.Hour
)

// RunClaimer checks that a claimer means what [dedup.Claimer] says. open is called once a case, from parallel subtests;
// the claimers may share one store, since every case uses keys of its own.
func RunClaimer(t *testing.T, open func(t *testing.T) ClaimerFixture) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f ClaimerFixture)
	}{
		{"a new key is first", claimNewKey},
		{"the own token again is first", claimOwnToken},
		{"another token is pending", claimOtherToken},
		{"a settled key gives its mark", claimSettled},
		{"every tag comes back", claimTags},
		{"a mark can be overwritten", settleOverwrites},
		{"a mark needs no claim before it", settleUnclaimed},
		{"a claim keeps the mark and its window", claimKeepsMark},
		{"a claim does not prolong a lease", claimKeepsLease},
		{"a lease ends", leaseEnds},
		{"a window ends", windowEnds},
		{"settling gives a full window", settleRenews},
		{"settling outlives the lease", settleOutlivesLease},
		{"equal keys in one batch", claimEqualKeys},
		{"a batch is answered in order", claimInOrder},
		{"sources do not share keys", claimOtherSource},
		{"long keys differ", claimLongKeys},
		{"an empty batch", emptyBatch},
		{"a cancelled context", cancelledContext},
		{"of many claims at once one is first", claimConcurrently},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

func claimNewKey(t *testing.T, f ClaimerFixture) {
	f.expect(t, request(newKey()), dedup.ClaimFirst)
}

func claimOwnToken(t *testing.T, f ClaimerFixture) {
	r := request(newKey())
	f.expect(t, r, dedup.ClaimFirst)
	f.expect(t, r, dedup.ClaimFirst)
}

func claimOtherToken(t *testing.T, f ClaimerFixture) {
	k := newKey()
	f.expect(t, request(k), dedup.ClaimFirst)
	f.expect(t, request(k), dedup.ClaimPending)
}

func claimSettled(t *testing.T, f ClaimerFixture) {
	r, mark := request(newKey()), newMark("WOa1nBxEJk9MpBiQr")
	f.expect(t, r, dedup.ClaimFirst)
	f.settle(t, r.Key, mark, longTime)
	f.expectMark(t, request(r.Key), mark)
	f.expectMark(t, r, mark) // even for the token that claimed it
}

func claimTags(t *testing.T, f ClaimerFixture) {
	for _, id := range []string{"", "d", strings.Repeat("x", 18), strings.Repeat("x", 19), "\x00\xff\r\n", strings.Repeat("\xff", 300)} {
		k, mark := newKey(), newMark(dedup.DispatchTag(id))
		f.settle(t, k, mark, longTime)
		f.expectMark(t, request(k), mark)
	}
}

func settleOverwrites(t *testing.T, f ClaimerFixture) {
	k, older, newer := newKey(), newMark("older"), newMark("newer")
	newer.Incarnation = dedup.Incarnation{9, 9}
	f.settle(t, k, older, longTime)
	f.settle(t, k, newer, longTime)
	f.expectMark(t, request(k), newer)
}

func settleUnclaimed(t *testing.T, f ClaimerFixture) {
	k, mark := newKey(), newMark("tag")
	f.settle(t, k, mark, longTime)
	f.expectMark(t, request(k), mark)
}

func claimKeepsMark(t *testing.T, f ClaimerFixture) {
	k, mark := newKey(), newMark("tag")
	f.settle(t, k, mark, longTime)
	r := request(k)
	r.Lease = shortTime
	f.expectMark(t, r, mark)
	f.Advance(pastShort)
	f.expectMark(t, request(k), mark)

	k = newKey()
	f.settle(t, k, mark, shortTime)
	f.claim(t, request(k)) // would hold the key for an hour, were it to count
	f.Advance(pastShort)
	if got := f.claim(t, request(k)); got.State == dedup.ClaimSettled {
		t.Fatalf("the window was prolonged by a claim: %+v", got)
	}
}

func claimKeepsLease(t *testing.T, f ClaimerFixture) {
	const lease = 500 * time.Millisecond
	r := request(newKey())
	r.Lease = lease
	f.expect(t, r, dedup.ClaimFirst)
	f.expect(t, request(r.Key), dedup.ClaimPending)
	f.Advance(lease + shortTime)
	f.expect(t, request(r.Key), dedup.ClaimFirst)
}

func leaseEnds(t *testing.T, f ClaimerFixture) {
	r := request(newKey())
	r.Lease = shortTime
	f.expect(t, r, dedup.ClaimFirst)
	f.Advance(pastShort)
	f.expect(t, request(r.Key), dedup.ClaimFirst)
	f.expect(t, request(r.Key), dedup.ClaimPending)
}

func windowEnds(t *testing.T, f ClaimerFixture) {
	k := newKey()
	f.settle(t, k, newMark("tag"), shortTime)
	f.Advance(pastShort)
	f.expect(t, request(k), dedup.ClaimFirst)
}

func settleRenews(t *testing.T, f ClaimerFixture) {
	k, mark := newKey(), newMark("tag")
	f.settle(t, k, mark, shortTime)
	f.settle(t, k, mark, longTime)
	f.Advance(pastShort)
	f.expectMark(t, request(k), mark)
}

func settleOutlivesLease(t *testing.T, f ClaimerFixture) {
	r, mark := request(newKey()), newMark("tag")
	r.Lease = shortTime
	f.expect(t, r, dedup.ClaimFirst)
	f.settle(t, r.Key, mark, longTime)
	f.Advance(pastShort)
	f.expectMark(t, request(r.Key), mark)
}

func claimEqualKeys(t *testing.T, f ClaimerFixture) {
	k := newKey()
	mine := request(k)
	replies := f.Claimer.Claim(t.Context(), []dedup.ClaimRequest{mine, request(k), mine, request(k)})
	expectStates(t, replies, dedup.ClaimFirst, dedup.ClaimPending, dedup.ClaimFirst, dedup.ClaimPending)

	older, newer := newMark("older"), newMark("newer")
	if err := f.Claimer.Settle(t.Context(), []dedup.Settlement{
		{Key: k, Mark: older, Window: longTime}, {Key: k, Mark: newer, Window: longTime},
	}); err != nil {
		t.Fatalf("settle: %v", err)
	}
	f.expectMark(t, request(k), newer)
}

func claimInOrder(t *testing.T, f ClaimerFixture) {
	const size = 300
	reqs, want := make([]dedup.ClaimRequest, size), make([]dedup.ClaimState, size)
	marks := map[int]dedup.Mark{}
	for i := range reqs {
		reqs[i], want[i] = request(newKey()), dedup.ClaimFirst
		switch i % 3 {
		case 1:
			f.expect(t, request(reqs[i].Key), dedup.ClaimFirst)
			want[i] = dedup.ClaimPending
		case 2:
			marks[i] = newMark("tag")
			f.settle(t, reqs[i].Key, marks[i], longTime)
			want[i] = dedup.ClaimSettled
		}
	}
	replies := f.Claimer.Claim(t.Context(), reqs)
	expectStates(t, replies, want...)
	for i, mark := range marks {
		if replies[i].Mark != mark {
			t.Fatalf("reply %d carries %+v, want %+v", i, replies[i].Mark, mark)
		}
	}
}

func claimOtherSource(t *testing.T, f ClaimerFixture) {
	k := newKey()
	other := dedup.Key{Source: k.Source + "-2", Event: k.Event}
	f.settle(t, k, newMark("tag"), longTime)
	f.expect(t, request(other), dedup.ClaimFirst)
}

func claimLongKeys(t *testing.T, f ClaimerFixture) {
	for _, size := range []int{150, 199, 200, 201, 5000} {
		k := newKey()
		k.Event += strings.Repeat("k", size)
		twin := dedup.Key{Source: k.Source, Event: k.Event[:len(k.Event)-1] + "K"}
		mark := newMark("tag")
		f.settle(t, k, mark, longTime)
		f.expect(t, request(twin), dedup.ClaimFirst)
		f.expectMark(t, request(k), mark)
	}
}

func emptyBatch(t *testing.T, f ClaimerFixture) {
	if got := f.Claimer.Claim(t.Context(), nil); len(got) != 0 {
		t.Fatalf("claim of nothing gave %d replies", len(got))
	}
	if err := f.Claimer.Settle(t.Context(), nil); err != nil {
		t.Fatalf("settle of nothing: %v", err)
	}
}

// cancelledContext also checks that a caller who gave up is not held against the store.
func cancelledContext(t *testing.T, f ClaimerFixture) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		for _, reply := range f.Claimer.Claim(gone, []dedup.ClaimRequest{request(newKey()), request(newKey())}) {
			if want := (dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}); reply != want {
				t.Fatalf("got %+v, want %+v", reply, want)
			}
		}
		if err := f.Claimer.Settle(gone, []dedup.Settlement{{Key: newKey(), Mark: newMark("tag"), Window: longTime}}); err == nil {
			t.Fatal("settled with a cancelled context")
		}
	}
	f.expect(t, request(newKey()), dedup.ClaimFirst)
}

func claimConcurrently(t *testing.T, f ClaimerFixture) {
	const claimers = 32
	k := newKey()
	replies := make([]dedup.ClaimReply, claimers)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = f.Claimer.Claim(t.Context(), []dedup.ClaimRequest{request(k)})[0] })
	}
	wg.Wait()
	count := map[dedup.ClaimState]int{}
	for _, r := range replies {
		count[r.State]++
	}
	if count[dedup.ClaimFirst] != 1 || count[dedup.ClaimPending] != claimers-1 {
		t.Fatalf("states of %d claims for one key: %v, want one first and the others pending", claimers, count)
	}
}

func (f ClaimerFixture) claim(t *testing.T, r dedup.ClaimRequest) dedup.ClaimReply {
	t.Helper()
	replies := f.Claimer.Claim(t.Context(), []dedup.ClaimRequest{r})
	if len(replies) != 1 {
		t.Fatalf("one claim gave %d replies", len(replies))
	}
	return replies[0]
}

func (f ClaimerFixture) expect(t *testing.T, r dedup.ClaimRequest, want dedup.ClaimState) {
	t.Helper()
	if got := f.claim(t, r); got != (dedup.ClaimReply{State: want}) {
		t.Fatalf("claim gave %+v, want state %d", got, want)
	}
}

func (f ClaimerFixture) expectMark(t *testing.T, r dedup.ClaimRequest, want dedup.Mark) {
	t.Helper()
	if got := f.claim(t, r); got != (dedup.ClaimReply{State: dedup.ClaimSettled, Mark: want}) {
		t.Fatalf("claim gave %+v, want mark %+v", got, want)
	}
}

func (f ClaimerFixture) settle(t *testing.T, k dedup.Key, m dedup.Mark, window time.Duration) {
	t.Helper()
	if err := f.Claimer.Settle(t.Context(), []dedup.Settlement{{Key: k, Mark: m, Window: window}}); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

func expectStates(t *testing.T, replies []dedup.ClaimReply, want ...dedup.ClaimState) {
	t.Helper()
	if len(replies) != len(want) {
		t.Fatalf("%d replies for %d claims", len(replies), len(want))
	}
	for i, r := range replies {
		if r.State != want[i] || r.Degraded {
			t.Fatalf("reply %d is %+v, want state %d", i, r, want[i])
		}
	}
}

// newKey is a key nobody else uses.
func newKey() dedup.Key {
	return dedup.Key{Source: "suite", Event: dedup.Compose("r", dedup.NewID(time.Now()).String(), "S")}
}

func request(k dedup.Key) dedup.ClaimRequest {
	return dedup.ClaimRequest{Key: k, Token: dedup.NewID(time.Now()), Lease: longTime}
}

func newMark(tag string) dedup.Mark {
	return dedup.Mark{Incarnation: dedup.Incarnation{1, 2, 3}, EventID: dedup.NewID(time.Now()), Tag: tag}
}

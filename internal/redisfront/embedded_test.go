package redisfront_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// A pipeline far larger than any buffer on the way: memory pipes hold nothing.
func TestEmbeddedTakesLargePipelines(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	const size = 2000
	reqs, marks := make([]dedup.ClaimRequest, size), make([]dedup.Settlement, size)
	for i := range reqs {
		reqs[i] = request(newKey())
		marks[i] = dedup.Settlement{Key: reqs[i].Key, Mark: newMark(), Window: time.Hour}
	}
	for i, reply := range f.Claim(t.Context(), reqs) {
		if reply != first {
			t.Fatalf("claim %d gave %+v", i, reply)
		}
	}
	must(t, f.Settle(t.Context(), marks))
	for i, reply := range f.Claim(t.Context(), reqs) {
		if reply != marked(marks[i].Mark) {
			t.Fatalf("claim %d of a settled key gave %+v", i, reply)
		}
	}
}

func TestEmbeddedAgesByItself(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	k := newKey()
	must(t, f.Settle(t.Context(), []dedup.Settlement{{Key: k, Mark: newMark(), Window: 10 * time.Millisecond}}))
	testkit.Eventually(t, patience, func() error {
		r := request(k)
		r.Lease = time.Millisecond
		if got := claim(t, f, r); got.State == dedup.ClaimSettled {
			return errors.New("the window has not ended")
		}
		return nil
	})
}

func TestEmbeddedForgetsWhenFull(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	k, m := newKey(), newMark()
	must(t, settle(t.Context(), f, k, m))
	f.BoundEmbedded(t.Context(), 1000)
	expect(t, f, request(k), marked(m))
	f.BoundEmbedded(t.Context(), 1)
	expect(t, f, request(k), first)
}

func TestEmbeddedFrontsAreApart(t *testing.T) {
	t.Parallel()
	one, two := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded}), open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	k := newKey()
	expect(t, one, request(k), first)
	expect(t, two, request(k), first)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for i, opts := range []redisfront.Options{
		{},
		{Mode: "redis"},
		{Mode: redisfront.ModeSingle},
		{Mode: redisfront.ModeSingle, Addrs: []string{"a:1", "b:1"}},
		{Mode: redisfront.ModeSentinel, Addrs: []string{"a:1"}},
		{Mode: redisfront.ModeSentinel, MasterName: "dg"},
		{Mode: redisfront.ModeCluster},
		{Mode: redisfront.ModeCluster, Addrs: []string{"a:1"}, DB: 1},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			if f, err := redisfront.Open(t.Context(), opts); err == nil {
				_ = f.Close()
				t.Errorf("opened with %+v", opts)
			}
		})
	}
}

func TestCloseTwiceAndUseAfterwards(t *testing.T) {
	t.Parallel()
	for mode, opts := range map[string]redisfront.Options{
		"embedded": {Mode: redisfront.ModeEmbedded},
		"single":   {Addrs: []string{testkit.Redis(t)}, LedgerID: ledger(t)},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := open(t, opts)
			must(t, errors.Join(f.Close(), f.Close()))
			expect(t, f, request(newKey()), degraded)
			if err := settle(t.Context(), f, newKey(), newMark()); err == nil {
				t.Error("settled after the end")
			}
			if err := f.Append(t.Context(), []dedup.Hit{newHit("apify")}); err == nil {
				t.Error("appended after the end")
			}
		})
	}
}

func TestUnfitMarksAreNotStored(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	good := dedup.Settlement{Key: newKey(), Mark: newMark(), Window: time.Hour}
	for name, spoil := range map[string]func(*dedup.Mark){
		"no incarnation": func(m *dedup.Mark) { m.Incarnation = dedup.Incarnation{} },
		"no event":       func(m *dedup.Mark) { m.EventID = dedup.ID{} },
		"a long tag":     func(m *dedup.Mark) { m.Tag = "01234567890123456789" },
	} {
		t.Run(name, func(t *testing.T) {
			bad := dedup.Settlement{Key: newKey(), Mark: newMark(), Window: time.Hour}
			spoil(&bad.Mark)
			if err := f.Settle(t.Context(), []dedup.Settlement{bad, good}); err == nil {
				t.Error("nobody is told")
			}
			expect(t, f, request(bad.Key), first)
			expect(t, f, request(good.Key), marked(good.Mark))
		})
	}
}

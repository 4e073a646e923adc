package redisfront_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestLostReplies(t *testing.T) {
	t.Parallel()
	t.Run("the claim was first all the same", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		r := request(newKey())
		o.proxy.Hang()
		expect(t, o.front, r, degraded)
		o.holds(redisfront.ClaimKey(r.Key))
		o.proxy.Heal()
		expect(t, o.front, r, first)
		expect(t, o.front, request(r.Key), pending)
	})
	t.Run("the mark is there all the same", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		k := newKey()
		o.proxy.Hang()
		if err := settle(t.Context(), o.front, k, o.mark); err == nil {
			t.Error("settled without an answer")
		}
		o.holds(redisfront.ClaimKey(k))
		o.proxy.Heal()
		expect(t, o.front, request(k), marked(o.mark))
	})
	t.Run("the hit may come twice, never not at all", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		must(t, o.front.Append(t.Context(), []dedup.Hit{newHit("apify")}))
		o.proxy.Hang()
		if err := o.front.Append(t.Context(), []dedup.Hit{newHit("apify")}); err == nil {
			t.Error("appended without an answer")
		}
		o.proxy.Heal()
		testkit.Eventually(t, patience, func() error {
			if n, err := o.front.HitsWaiting(t.Context()); err != nil || n != 2 {
				return fmt.Errorf("%d hits wait, want 2: %w", n, err)
			}
			return nil
		})
	})
	t.Run("of a batch cut in the middle the answered claims count", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		reqs := make([]dedup.ClaimRequest, 100)
		for i := range reqs {
			reqs[i] = request(newKey())
		}
		o.proxy.LimitAnswers(20)
		for i, reply := range o.front.Claim(t.Context(), reqs) {
			if reply != first && reply != degraded {
				t.Fatalf("claim %d gave %+v", i, reply)
			}
		}
		o.proxy.Heal()
		for i, reply := range o.front.Claim(t.Context(), reqs) {
			if reply != first && reply != degraded {
				t.Fatalf("claim %d, said again with its token, gave %+v", i, reply)
			}
		}
	})
}

// Somebody else's values cost speed, never truth, and only for their own keys.
func TestPlantedValues(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	f := openSingle(t, addr)
	settledValue := string(redisfront.AppendMark(nil, &dedup.Mark{Incarnation: dedup.Incarnation{1}, EventID: dedup.NewID(time.Now())}))
	plants := map[string][]any{
		"a list":               {"rpush", "", "a"},
		"a hash":               {"hset", "", "a", "b"},
		"an empty value":       {"set", "", ""},
		"text":                 {"set", "", "1"},
		"a cut mark":           {"set", "", settledValue[:24]},
		"a mark that is long":  {"set", "", settledValue + "12345678901234567890"},
		"a mark of no event":   {"set", "", settledValue[:9] + "0123456789012345"},
		"a mark of no life":    {"set", "", "C\x00\x00\x00\x00\x00\x00\x00\x00" + settledValue[9:]},
		"a token that is long": {"set", "", "P01234567890123456"},
		"a token that is cut":  {"set", "", "P012345678901234"},
	}
	for name, command := range plants {
		t.Run(name, func(t *testing.T) {
			k, m := newKey(), newMark()
			command[1] = redisfront.ClaimKey(k)
			must(t, f.Client().Do(t.Context(), command...).Err())
			for range 10 {
				expect(t, f, request(k), degraded)
			}
			if f.Degraded() {
				t.Error("Redis is left out for one key's sake")
			}
			must(t, settle(t.Context(), f, k, m)) // what the ledger has told repairs the key
			expect(t, f, request(k), marked(m))
		})
	}
}

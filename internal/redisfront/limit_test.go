package redisfront_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// from makes requests of a source, each from an address.
func from(source string, addresses ...string) []*dedup.Inbound {
	batch := make([]*dedup.Inbound, len(addresses))
	for i, ip := range addresses {
		batch[i] = &dedup.Inbound{Key: dedup.Key{Source: source}, RemoteIP: ip}
	}
	return batch
}

func limiter(f *redisfront.Front, r redisfront.Rates) *redisfront.Limiter {
	l := f.NewLimiter()
	l.SetRates(r)
	return l
}

// passed says which requests of the batch may go on; the others must be told to wait for a sensible time.
func passed(t *testing.T, l *redisfront.Limiter, batch []*dedup.Inbound) []int {
	t.Helper()
	waits := l.Allow(t.Context(), batch)
	if len(waits) != len(batch) {
		t.Fatalf("%d answers to %d requests", len(waits), len(batch))
	}
	var indexes []int
	for i, wait := range waits {
		switch {
		case wait == 0:
			indexes = append(indexes, i)
		case wait < 0 || wait > time.Hour:
			t.Errorf("a wait of %s", wait)
		}
	}
	return indexes
}

func hourly(n int) quota.Quota { return quota.Quota{Count: n, Per: time.Hour} }

// limitedFronts are the ways in which a limiter counts; each front given out shares its Redis with the others.
func limitedFronts(t *testing.T) map[string]func(t *testing.T) *redisfront.Front {
	t.Helper()
	addr := testkit.Redis(t)
	cluster, _ := startCluster(t)
	embedded := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	return map[string]func(t *testing.T) *redisfront.Front{
		"single":   func(t *testing.T) *redisfront.Front { t.Helper(); return openSingle(t, addr) },
		"embedded": func(*testing.T) *redisfront.Front { return embedded },
		"cluster": func(t *testing.T) *redisfront.Front {
			t.Helper()
			return open(t, redisfront.Options{Mode: redisfront.ModeCluster, Addrs: cluster})
		},
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, front := range limitedFronts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := front(t)
			one, two := "one-"+name, "two-"+name
			sources := limiter(f, redisfront.Rates{Sources: map[string]quota.Quota{one: hourly(3)}})
			if got := passed(t, sources, from(one, "a", "a")); !slices.Equal(got, []int{0, 1}) {
				t.Errorf("first batch: %v", got)
			}
			if got := passed(t, sources, append(from(one, "a", "b", "c"), from(two, "a", "a")...)); !slices.Equal(got, []int{0, 3, 4}) {
				t.Errorf("second batch: %v", got)
			}
			if got := passed(t, limiter(front(t), redisfront.Rates{Sources: map[string]quota.Quota{one: hourly(3)}}), from(one, "a")); len(got) != 0 {
				t.Errorf("another gateway: %v", got)
			}
			both := limiter(f, redisfront.Rates{Sources: map[string]quota.Quota{two: hourly(3)}, Client: hourly(2)})
			if got := passed(t, both, from(two, "x"+name, "x"+name, "x"+name, "x"+name, "y"+name, "z"+name)); !slices.Equal(got, []int{0, 1, 4}) {
				t.Errorf("one client floods: %v", got)
			}
		})
	}
}

func TestWithoutRatesALimiterIsOff(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	l := f.NewLimiter()
	if l.On() || l.Allow(t.Context(), from("a", "b")) != nil {
		t.Error("on without rates")
	}
	l.SetRates(redisfront.Rates{Sources: map[string]quota.Quota{"a": {}}})
	if l.On() {
		t.Error("on with rates of nothing")
	}
	l.SetRates(redisfront.Rates{Client: hourly(1)})
	if !l.On() || len(passed(t, l, from("a", "b", "b"))) != 1 {
		t.Error("off with a rate")
	}
}

func TestALimitedRequestGetsThroughAfterItsWait(t *testing.T) {
	t.Parallel()
	l := limiter(openSingle(t, testkit.Redis(t)), redisfront.Rates{Sources: map[string]quota.Quota{"waiting": {Count: 20, Per: time.Second}}})
	batch := from("waiting", slices.Repeat([]string{"a"}, 21)...)
	waits := l.Allow(t.Context(), batch)
	if waits[19] != 0 || waits[20] <= 0 || waits[20] > 100*time.Millisecond {
		t.Fatalf("waits %v", waits)
	}
	testkit.Eventually(t, patience, func() error {
		if wait := l.Allow(t.Context(), batch[:1])[0]; wait > 0 {
			return &dedup.LimitedError{RetryAfter: wait}
		}
		return nil
	})
}

// Scripts are gone after a restart of Redis; a limiter loads them again without anybody noticing.
func TestLimitsSurviveAServerThatForgetsScripts(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.Redis(t))
	l := limiter(f, redisfront.Rates{Sources: map[string]quota.Quota{"scripts": hourly(2)}})
	passed(t, l, from("scripts", "a"))
	must(t, f.Client().ScriptFlush(t.Context()).Err())
	if got := passed(t, l, from("scripts", "a", "a")); !slices.Equal(got, []int{0}) {
		t.Errorf("passed %v", got)
	}
	if f.Degraded() {
		t.Error("Redis is left out")
	}
}

func TestALimiterCountsAloneWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Addrs: []string{"127.0.0.1:1"}, Timeout: time.Second, ProbeEvery: time.Hour})
	if !f.Degraded() {
		t.Fatal("a Redis that nobody runs")
	}
	l := limiter(f, redisfront.Rates{Sources: map[string]quota.Quota{"alone": hourly(5)}, Client: hourly(3)})
	if got := passed(t, l, from("alone", "a", "a", "a", "a", "b", "b", "b")); !slices.Equal(got, []int{0, 1, 2, 4, 5}) {
		t.Errorf("passed %v", got)
	}
}

func TestGatewaysShareOneQuotaUnderLoad(t *testing.T) {
	t.Parallel()
	addr := testkit.Redis(t)
	var total atomic.Int64
	var gateways sync.WaitGroup
	for range 4 {
		l := limiter(openSingle(t, addr), redisfront.Rates{Sources: map[string]quota.Quota{"shared": hourly(100)}})
		gateways.Go(func() {
			for n := range 20 {
				waits := l.Allow(t.Context(), from("shared", slices.Repeat([]string{strconv.Itoa(n)}, 7)...))
				for _, wait := range waits {
					if wait == 0 {
						total.Add(1)
					}
				}
			}
		})
	}
	gateways.Wait()
	if total.Load() != 100 {
		t.Errorf("%d of 100 passed", total.Load())
	}
}

package quota_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/quota"
)

var start = time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]quota.Quota{
		"off": {}, "50/s": {50, time.Second}, "600/m": {600, time.Minute}, "1/h": {1, time.Hour},
	} {
		if got, err := quota.Parse(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "0/s", "-1/s", "1.5/s", "10", "10/d", "10 / s", "1234567890/s", "10/s "} {
		if got, err := quota.Parse(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestTakeAllowsAllAtOnceAndThenEvenly(t *testing.T) {
	t.Parallel()
	l, q := quota.NewLocal(10), quota.Quota{Count: 10, Per: time.Second}
	if allowed, wait := l.Take("a", q, 4, start); allowed != 4 || wait != 0 {
		t.Errorf("first four: %d, %s", allowed, wait)
	}
	if allowed, wait := l.Take("a", q, 10, start); allowed != 6 || wait != 100*time.Millisecond {
		t.Errorf("ten more: %d, %s", allowed, wait)
	}
	if wait := l.Wait("a", q, start); wait != 100*time.Millisecond {
		t.Errorf("wait %s", wait)
	}
	if allowed, _ := l.Take("a", q, 1, start.Add(99*time.Millisecond)); allowed != 0 {
		t.Error("too early")
	}
	if allowed, _ := l.Take("a", q, 2, start.Add(100*time.Millisecond)); allowed != 1 {
		t.Error("at its time")
	}
	if allowed, _ := l.Take("a", q, 100, start.Add(time.Hour)); allowed != 10 {
		t.Error("a long pause saves up no more than one period")
	}
	if allowed, _ := l.Take("b", q, 10, start); allowed != 10 {
		t.Error("keys share a quota")
	}
	if allowed, wait := l.Take("a", quota.Quota{}, 1000, start); allowed != 1000 || wait != 0 {
		t.Error("no limit limits")
	}
}

func TestMemoryIsBoundedAndTheYoungestAreRemembered(t *testing.T) {
	t.Parallel()
	l, q := quota.NewLocal(100), quota.Quota{Count: 1, Per: time.Hour}
	for i := range 10_000 {
		l.Take(strconv.Itoa(i), q, 1, start)
	}
	if n := l.Len(); n > 200 {
		t.Errorf("%d keys are remembered", n)
	}
	for i := 9_900; i < 10_000; i++ {
		if allowed, _ := l.Take(strconv.Itoa(i), q, 1, start); allowed != 0 {
			t.Fatalf("key %d is forgotten", i)
		}
	}
}

func TestConcurrentTakersShareOneQuota(t *testing.T) {
	t.Parallel()
	l, q := quota.NewLocal(10), quota.Quota{Count: 500, Per: time.Hour}
	var allowed atomic.Int64
	var takers sync.WaitGroup
	for range 8 {
		takers.Go(func() {
			for range 200 {
				n, _ := l.Take("a", q, 1, start)
				allowed.Add(int64(n))
			}
		})
	}
	takers.Wait()
	if allowed.Load() != 500 {
		t.Errorf("%d of 500 allowed", allowed.Load())
	}
}

// In any period no more than twice the count is allowed (a full period's worth saved up, and one earned), and who waits as
// told gets through.
func TestTheRateHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := quota.Quota{
			Count: rapid.IntRange(1, 5000).Draw(t, "count"),
			Per:   rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(t, "per"),
		}
		l, now, total := quota.NewLocal(1), start, 0
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			n := rapid.IntRange(1, 2*q.Count).Draw(t, "n")
			allowed, wait := l.Take("a", q, n, now)
			if allowed < 0 || allowed > n || (wait > 0) != (allowed < n) || wait > q.Per {
				t.Fatalf("%d of %d allowed, wait %s", allowed, n, wait)
			}
			total += allowed
			if wait > 0 {
				if more, _ := l.Take("a", q, 1, now.Add(wait)); more != 1 {
					t.Fatalf("after the wait of %s: nothing", wait)
				}
				total++
				now = now.Add(wait)
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(q.Per)).Draw(t, "pause")))
		}
		most := float64(q.Count) * (1 + float64(now.Sub(start))/float64(q.Per))
		if float64(total) > most+1 {
			t.Fatalf("%d allowed, at most %f may be", total, most)
		}
	})
}

func TestAddressesOfOneCustomerCountAsOne(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "?": "?",
	} {
		if got := quota.Address(ip); got != want {
			t.Errorf("%s counts as %s, want %s", ip, got, want)
		}
	}
}

package deduptest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
)

func TestOutage(t *testing.T) {
	t.Parallel()
	const budget = 50 * time.Millisecond
	for _, c := range []struct {
		name  string
		begin func(o *deduptest.Outage)
		fails bool
		takes time.Duration
		works bool // the work is done all the same
	}{
		{"awake", func(*deduptest.Outage) {}, false, 0, true},
		{"failing", (*deduptest.Outage).Fail, true, 0, false},
		{"hanging", (*deduptest.Outage).Hang, true, budget, false},
		{"late", func(o *deduptest.Outage) { o.Sleep(30 * time.Millisecond) }, false, 30 * time.Millisecond, true},
		{"too late", func(o *deduptest.Outage) { o.Sleep(time.Second) }, true, budget, false},
		{"losing replies", (*deduptest.Outage).LoseReplies, true, 0, true},
		{"woken", func(o *deduptest.Outage) { o.Fail(); o.Wake() }, false, 0, true},
		{"woken from a hang", func(o *deduptest.Outage) {
			o.Hang()
			time.AfterFunc(10*time.Millisecond, o.Wake)
		}, false, 10 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := deduptest.NewHitLog(10)
				o := deduptest.NewOutage(deduptest.NewClaimer(time.Now), log)
				c.begin(o)
				start := time.Now()
				reply := o.Claim(t.Context(), []dedup.ClaimRequest{{Key: dedup.Key{Source: "a", Event: "b"}, Lease: time.Hour}})[0]
				if took := time.Since(start); took != c.takes {
					t.Errorf("the claim took %s, want %s", took, c.takes)
				}
				want := dedup.ClaimReply{State: dedup.ClaimFirst}
				if c.fails {
					want = dedup.ClaimReply{State: dedup.ClaimUnknown, Degraded: true}
				}
				if reply != want {
					t.Errorf("claim gave %+v, want %+v", reply, want)
				}
				if err := o.Append(t.Context(), []dedup.Hit{{Source: "a"}}); errors.Is(err, deduptest.ErrOutage) != c.fails {
					t.Errorf("append: %v", err)
				}
				if worked := log.Waiting() == 1; worked != c.works {
					t.Errorf("work done: %t, want %t", worked, c.works)
				}
			})
		})
	}
}

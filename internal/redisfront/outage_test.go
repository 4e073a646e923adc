package redisfront_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// What a claim may take: its budget, here longer than in production, and what a busy machine adds.
const (
	budget = 200 * time.Millisecond
	slack  = time.Second
	// probeEvery is shorter than in production, so that outages here last for several probes.
	probeEvery = 100 * time.Millisecond
)

// outage is a front with short budgets on a Redis that can be broken.
type outage struct {
	t      *testing.T
	server *testkit.RedisServer
	proxy  *testkit.FlakyProxy // between the two
	front  *redisfront.Front
	log    *testkit.Records
	admin  *redis.Client // straight to the server

	known dedup.Key // settled with mark before the outage
	mark  dedup.Mark
}

func newOutage(t *testing.T, config ...string) *outage {
	t.Helper()
	o := &outage{t: t, server: testkit.StartRedis(t, config...), known: newKey(), mark: newMark()}
	o.proxy = testkit.Proxy(t, o.server.Addr())
	var opts redisfront.Options
	opts.Log, o.log = testkit.CaptureLogger(t)
	opts.Addrs, opts.LedgerID = []string{o.proxy.Addr()}, ledger(t)
	opts.Timeout, opts.SettleTimeout = budget, budget
	opts.ProbeEvery = probeEvery
	o.front = open(t, opts)
	o.admin = redis.NewClient(&redis.Options{Addr: o.server.Addr()})
	t.Cleanup(func() { must(t, o.admin.Close()) })
	testkit.Eventually(t, patience, func() error { return settle(t.Context(), o.front, o.known, o.mark) })
	return o
}

// claim claims a batch of the settled key and a new one, in bounded time, and reports whether both were answered. No answer
// may ever be a mark that was not settled.
func (o *outage) claim() bool {
	o.t.Helper()
	start := time.Now()
	replies := o.front.Claim(context.Background(), []dedup.ClaimRequest{request(o.known), request(newKey())})
	if took := time.Since(start); took > budget+slack {
		o.t.Errorf("a claim took %s", took)
	}
	for i, reply := range replies {
		switch {
		case reply == degraded, i == 1 && reply == first, i == 0 && reply == marked(o.mark):
		default:
			o.t.Fatalf("claim %d gave %+v", i, reply)
		}
	}
	return replies[0] != degraded && replies[1] != degraded
}

// holds waits until the server has done what it was asked.
func (o *outage) holds(key string) {
	o.t.Helper()
	testkit.Eventually(o.t, patience, func() error { return o.admin.Get(o.t.Context(), key).Err() })
}

// isLeftOut claims until Redis is left out, and checks that then nobody waits for it.
func (o *outage) isLeftOut() {
	o.t.Helper()
	testkit.Eventually(o.t, patience, func() error {
		if o.claim() {
			return errors.New("claims are answered")
		}
		if !o.front.Degraded() {
			return errors.New("Redis is still asked")
		}
		return nil
	})
	start, rounds := time.Now(), 0
	for ; time.Since(start) < 5*probeEvery; rounds++ {
		if o.claim() {
			o.t.Fatal("a claim was answered while Redis is left out")
		}
		if err := settle(o.t.Context(), o.front, newKey(), o.mark); !errors.Is(err, redisfront.ErrLeftOut) {
			o.t.Fatalf("settle while Redis is left out: %v", err)
		}
		if err := o.front.Append(o.t.Context(), []dedup.Hit{newHit("apify")}); !errors.Is(err, dedup.ErrHitsToLedger) {
			o.t.Fatalf("append while Redis is left out: %v", err)
		}
	}
	// Three calls a round, each of which would wait for its budget.
	if most := int(5 * probeEvery / budget); rounds < 5*most {
		o.t.Errorf("only %d rounds of calls in %s while Redis is left out", rounds, time.Since(start))
	}
	if s := o.front.State(); s.Up || s.Err == nil {
		o.t.Errorf("state while Redis is left out: %+v", s)
	}
}

// isBack waits until Redis is asked again. ofOld is what then becomes of the key that was settled before the outage.
func (o *outage) isBack(ofOld dedup.ClaimReply) {
	o.t.Helper()
	start := time.Now()
	testkit.Eventually(o.t, patience, func() error {
		if got := claim(o.t, o.front, request(newKey())); got != first {
			return fmt.Errorf("a claim gave %+v", got)
		}
		return nil
	})
	o.t.Logf("back after %s", time.Since(start).Round(time.Millisecond))
	if s := o.front.State(); !s.Up || s.Err != nil {
		o.t.Errorf("state after the outage: %+v", s)
	}
	testkit.Eventually(o.t, patience, func() error {
		if got := claim(o.t, o.front, request(o.known)); got != ofOld && got != degraded {
			o.t.Fatalf("a claim of the old key gave %+v, want %+v", got, ofOld)
		} else if got == degraded {
			return errors.New("no answer")
		}
		return errors.Join(settle(o.t.Context(), o.front, newKey(), o.mark), o.front.Append(o.t.Context(), []dedup.Hit{newHit("apify")}))
	})
}

// logged checks that an outage is one line at its beginning and one at its end.
func (o *outage) logged() {
	o.t.Helper()
	down := o.log.With("Redis is left out: the database decides alone, no request fails")
	up := o.log.With("Redis takes part again")
	if len(down) != 1 || len(up) != 1 || len(o.log.All()) != 2 {
		o.t.Errorf("the log of one outage is\n%s", o.log.Text())
	}
}

func TestRedisKilled(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.server.Kill()
	o.isLeftOut()
	for range 3 * redisfront.DefaultPoolSize { // many dials that fail must not delay the return
		if _, err := o.front.ReadHits(t.Context(), 1); err == nil {
			t.Fatal("read hits from a dead server")
		}
	}
	o.server.Restart()
	o.isBack(first) // it kept nothing
	o.logged()
}

func TestRedisHanging(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.server.Pause()
	o.isLeftOut()
	o.server.Resume()
	o.isBack(marked(o.mark))
	o.logged()
}

func TestRedisFull(t *testing.T) {
	t.Parallel()
	o := newOutage(t, "maxmemory-policy noeviction")
	must(t, o.admin.ConfigSet(t.Context(), "maxmemory", "1").Err())
	o.isLeftOut()
	must(t, o.admin.ConfigSet(t.Context(), "maxmemory", "0").Err())
	o.isBack(marked(o.mark))
	o.logged()
}

func TestRedisReadOnly(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	must(t, o.admin.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err())
	o.isLeftOut()
	must(t, o.admin.Do(t.Context(), "replicaof", "no", "one").Err())
	o.isBack(marked(o.mark))
	o.logged()
}

func TestRedisAnswersLate(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.proxy.Latency(4 * budget)
	o.isLeftOut()
	o.proxy.Heal()
	o.isBack(marked(o.mark))
	o.logged()
}

func TestNetworkCut(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	o.proxy.Cut()
	o.isLeftOut()
	o.proxy.Restore()
	o.isBack(marked(o.mark))
	o.logged()
}

func TestRedisFlushed(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.StartRedis(t).Addr())
	k := newKey()
	must(t, settle(t.Context(), f, k, newMark()))
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	must(t, f.Client().FlushAll(t.Context()).Err())
	expect(t, f, request(k), first)
	expect(t, f, request(k), pending)
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify")}))
	if f.Degraded() {
		t.Error("a flush is no outage")
	}
}

func TestRedisRefusesLogin(t *testing.T) {
	t.Parallel()
	o := newOutage(t)
	must(t, o.admin.ConfigSet(t.Context(), "requirepass", "secret-of-the-test").Err())
	must(t, o.admin.ClientKillByFilter(t.Context(), "type", "normal", "skipme", "yes").Err())
	o.isLeftOut()
	must(t, o.admin.ConfigSet(t.Context(), "requirepass", "").Err())
	o.isBack(marked(o.mark))
	o.logged()
}

// With a database number, or a password, the server refuses the connection before the commands: the client library
// leaves these as if they had succeeded.
func TestRefusedConnectionIsNoSuccess(t *testing.T) {
	t.Parallel()
	const password = "secret-of-the-test"
	server := testkit.StartRedis(t, "databases 1", "requirepass "+password)
	for name, opts := range map[string]redisfront.Options{
		"no such database": {DB: 3, Password: password},
		"wrong password":   {Password: password + "!"},
		"no password":      {DB: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Addrs, opts.LedgerID, opts.ProbeEvery = []string{server.Addr()}, ledger(t), time.Hour
			log, records := testkit.CaptureLogger(t)
			opts.Log = log
			f := open(t, opts)
			if !f.Degraded() {
				t.Fatal("Redis is not left out at start")
			}
			f.TakeIn() // nobody may rely on the breaker
			expect(t, f, request(newKey()), degraded)
			if err := settle(t.Context(), f, newKey(), newMark()); err == nil {
				t.Error("settled")
			}
			f.TakeIn()
			if err := f.Append(t.Context(), []dedup.Hit{newHit("apify")}); err == nil {
				t.Error("appended")
			}
			if _, err := f.HitsWaiting(t.Context()); err == nil {
				t.Error("counted hits")
			}
			if _, err := f.ReadHits(t.Context(), 1); err == nil {
				t.Error("read hits")
			}
			if _, err := f.Servers(t.Context()); err == nil {
				t.Error("asked the server")
			}
			if strings.Contains(records.Text(), password) {
				t.Errorf("the password is in the log:\n%s", records.Text())
			}
		})
	}
}

func TestCallersWhoGiveUpAreNoOutage(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	f := openSingle(t, server.Addr())
	server.Pause()
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if got := f.Claim(ctx, []dedup.ClaimRequest{request(newKey())})[0]; got != degraded {
			t.Errorf("claim gave %+v", got)
		}
		if err := settle(ctx, f, newKey(), newMark()); err == nil {
			t.Error("settled")
		}
		cancel()
	}
	server.Resume()
	if f.Degraded() {
		t.Error("Redis is left out although nobody waited for it")
	}
	expect(t, f, request(newKey()), first)
}

func TestRedisAwayAtStart(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	server.Kill()
	start := time.Now()
	f := open(t, redisfront.Options{Addrs: []string{server.Addr()}})
	if took := time.Since(start); took > patience/2 {
		t.Errorf("open took %s", took)
	}
	expect(t, f, request(newKey()), degraded)
	server.Restart()
	testkit.Eventually(t, patience, func() error {
		if got := claim(t, f, request(newKey())); got != first {
			return fmt.Errorf("a claim gave %+v", got)
		}
		return nil
	})
}

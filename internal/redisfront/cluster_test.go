package redisfront_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// startCluster starts three primaries that share the slots and returns their addresses and themselves.
func startCluster(t testing.TB) ([]string, []*testkit.RedisServer) {
	t.Helper()
	const nodes, slots = 3, 16384
	addrs := make([]string, nodes)
	servers := make([]*testkit.RedisServer, nodes)
	clients := make([]*redis.Client, nodes)
	for i := range nodes {
		servers[i] = testkit.StartRedis(t, "cluster-enabled yes", "cluster-node-timeout 2000")
		addrs[i] = servers[i].Addr()
		clients[i] = redis.NewClient(&redis.Options{Addr: addrs[i]})
		defer func() { _ = clients[i].Close() }()
		must(t, clients[i].ClusterAddSlotsRange(t.Context(), i*slots/nodes, (i+1)*slots/nodes-1).Err())
		must(t, clients[i].Do(t.Context(), "cluster", "set-config-epoch", i+1).Err())
		if i > 0 {
			host, port, err := net.SplitHostPort(addrs[i])
			must(t, err)
			must(t, clients[0].ClusterMeet(t.Context(), host, port).Err())
		}
	}
	for i, c := range clients {
		testkit.Eventually(t, patience, func() error {
			info, err := c.ClusterInfo(t.Context()).Result()
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3")) {
				err = fmt.Errorf("node %d: %s", i, info)
			}
			return err
		})
	}
	return addrs, servers
}

func TestClusterIsLeftOutWhileANodeHangs(t *testing.T) {
	t.Parallel()
	addrs, nodes := startCluster(t)
	f := open(t, redisfront.Options{
		Mode: redisfront.ModeCluster, Addrs: addrs, Timeout: 200 * time.Millisecond, SettleTimeout: 200 * time.Millisecond,
		ProbeEvery: 100 * time.Millisecond,
	})
	servers, err := f.Servers(t.Context())
	must(t, err)
	if len(servers) != len(nodes) {
		t.Fatalf("asked %d servers, the cluster has %d", len(servers), len(nodes))
	}
	nodes[1].Pause()
	for !f.Degraded() {
		f.Claim(t.Context(), spreadRequests())
	}
	for i, reply := range f.Claim(t.Context(), spreadRequests()) {
		if reply != degraded {
			t.Fatalf("claim %d while a node hangs gave %+v", i, reply)
		}
	}
	nodes[1].Resume()
	testkit.Eventually(t, patience, func() error {
		for i, reply := range f.Claim(t.Context(), spreadRequests()) {
			if reply != first {
				return fmt.Errorf("claim %d gave %+v", i, reply)
			}
		}
		return nil
	})
}

// spreadRequests are claims of new keys, enough to meet every node of a cluster.
func spreadRequests() []dedup.ClaimRequest {
	reqs := make([]dedup.ClaimRequest, 64)
	for i := range reqs {
		reqs[i] = request(newKey())
	}
	return reqs
}

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	primary := testkit.StartRedis(t)
	host, port, err := net.SplitHostPort(primary.Addr())
	must(t, err)
	replica := testkit.StartRedis(t, "replicaof "+host+" "+port)
	sentinel := startSentinel(t, host, port)
	f := open(t, redisfront.Options{
		Mode: redisfront.ModeSentinel, Addrs: []string{sentinel}, MasterName: "dg", LedgerID: ledger(t),
		Timeout: 500 * time.Millisecond, SettleTimeout: 500 * time.Millisecond, ProbeEvery: 100 * time.Millisecond,
	})
	k, m := newKey(), newMark()
	must(t, settle(t.Context(), f, k, m))
	expect(t, f, request(k), marked(m))
	awaitReplica(t, primary.Addr(), replica.Addr(), sentinel)

	primary.Kill()
	testkit.Eventually(t, 3*patience, func() error { // sentinels on a busy machine may need a second try
		switch got := claim(t, f, request(k)); got {
		case marked(m):
			return nil
		case degraded:
			return errors.New("still degraded")
		default:
			t.Fatalf("claim of a settled key gave %+v after the failover", got)
			return nil
		}
	})
	must(t, settle(t.Context(), f, newKey(), m))
	must(t, f.Append(t.Context(), []dedup.Hit{newHit("apify")}))
}

// awaitReplica waits until the replica has everything and the sentinel knows it.
func awaitReplica(t *testing.T, primary, replica, sentinel string) {
	t.Helper()
	main, copied := redis.NewClient(&redis.Options{Addr: primary}), redis.NewClient(&redis.Options{Addr: replica})
	watcher := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
	defer func() { must(t, errors.Join(main.Close(), copied.Close(), watcher.Close())) }()
	testkit.Eventually(t, patience, func() error {
		want, err := main.DBSize(t.Context()).Result()
		got, err2 := copied.DBSize(t.Context()).Result()
		replicas, err3 := watcher.Replicas(t.Context(), "dg").Result()
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		if got != want || len(replicas) != 1 {
			return fmt.Errorf("%d of %d keys copied, %d replicas known", got, want, len(replicas))
		}
		return nil
	})
}

// startSentinel starts a sentinel that watches one primary under the name "dg".
func startSentinel(t *testing.T, host, port string) string {
	t.Helper()
	own, err := throwaway.FreePort(t.Context())
	must(t, err)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	must(t, os.WriteFile(conf, []byte(fmt.Sprintf(
		"bind 127.0.0.1\nport %d\nsentinel monitor dg %s %s 1\nsentinel down-after-milliseconds dg 300\nsentinel failover-timeout dg 1000\n",
		own, host, port)), 0o600))
	cmd := exec.Command("redis-server", conf, "--sentinel")
	var log bytes.Buffer
	cmd.Stdout = &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the sentinel's log:\n%s", log.String())
		}
	})
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(own))
	c := redis.NewSentinelClient(&redis.Options{Addr: addr})
	defer func() { must(t, c.Close()) }()
	testkit.Eventually(t, patience, func() error { return c.Ping(t.Context()).Err() })
	return addr
}

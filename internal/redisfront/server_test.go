package redisfront_test

import (
	"errors"
	"testing"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestServers(t *testing.T) {
	t.Parallel()
	redis := testkit.StartRedis(t, "maxmemory 100mb", "maxmemory-policy allkeys-lru", "appendonly yes")
	servers, err := open(t, redisfront.Options{Addrs: []string{redis.Addr()}}).Servers(t.Context())
	if err != nil || len(servers) != 1 {
		t.Fatalf("asked %d servers: %v", len(servers), err)
	}
	s := servers[0]
	if s.Addr != redis.Addr() || s.Version == "" || s.MaxMemory != 100<<20 || s.UsedMemory == 0 || s.Policy != "allkeys-lru" || !s.AppendOnly {
		t.Errorf("the server says %+v", s)
	}
	if !s.EvictsHits() || s.RefusesWhenFull() {
		t.Errorf("what becomes of a full server with %s is not seen", s.Policy)
	}
}

func TestServerTooOld(t *testing.T) {
	t.Parallel()
	for version, old := range map[string]bool{"6.2.14": true, "5.0.0": true, "7.0.0": false, "7.2.4": false, "10.1": false, "unstable": false} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			addr := fakeServer(t, "# Server\r\nredis_version:"+version+"\r\n")
			servers, err := open(t, redisfront.Options{Addrs: []string{addr}}).Servers(t.Context())
			if errors.Is(err, redisfront.ErrServerTooOld) != old || !old && err != nil {
				t.Errorf("version %s: %v", version, err)
			}
			if len(servers) != 1 || servers[0].Version != version {
				t.Errorf("servers %+v, want one of version %s", servers, version)
			}
		})
	}
}

func TestServerThatTellsNothing(t *testing.T) {
	t.Parallel()
	servers, err := open(t, redisfront.Options{Addrs: []string{fakeServer(t, "")}}).Servers(t.Context())
	if err == nil || errors.Is(err, redisfront.ErrServerTooOld) || len(servers) != 0 {
		t.Errorf("servers %+v, %v", servers, err)
	}
}

func TestEmbeddedServer(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	servers, err := f.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Version != "embedded" {
		t.Errorf("servers %+v, %v", servers, err)
	}
	if s := f.State(); s.String() != "embedded" || !s.Up || !s.Embedded {
		t.Errorf("state %+v", s)
	}
}

// fakeServer is a server that knows INFO only.
func fakeServer(t *testing.T, info string) string {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	must(t, err)
	t.Cleanup(s.Close)
	must(t, s.Register("INFO", func(c *server.Peer, _ string, _ []string) { c.WriteBulk(info) }))
	return s.Addr().String()
}

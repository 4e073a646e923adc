package redisfront

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// ErrServerTooOld says that a server is older than Redis 7.0: its SET takes no NX together with GET, so that it would refuse
// every claim. A gateway must not start on it.
var ErrServerTooOld = errors.New("older than Redis 7.0")

const oldestMajor = 7

// Server is what a Redis server says of itself.
type Server struct {
	Addr    string // host:port; the primary's name in sentinel mode
	Version string // of Redis, or the one a compatible server claims to be; "embedded" in embedded mode
	// MaxMemory is the limit in bytes, 0 for none; Policy what is evicted at it.
	MaxMemory  int64
	UsedMemory int64
	Policy     string // "" when the server does not say
	// AppendOnly reports whether writes are kept over a crash.
	AppendOnly bool
}

// EvictsHits reports whether a full server may throw away hits that wait, and with them the receipts of duplicates: it
// then evicts keys that never expire.
func (s Server) EvictsHits() bool {
	return s.MaxMemory > 0 && strings.HasPrefix(s.Policy, "allkeys-")
}

// RefusesWhenFull reports whether a full server refuses writes, so that Redis is left out until it has room.
func (s Server) RefusesWhenFull() bool { return s.MaxMemory > 0 && s.Policy == "noeviction" }

// Servers asks every server that takes writes: one, or each primary of a cluster. With [ErrServerTooOld] the servers are
// returned all the same. Any other error means that a server could not be asked, which must not prevent a start.
func (f *Front) Servers(ctx context.Context) ([]Server, error) {
	if f.embedded != nil {
		return []Server{{Addr: "embedded", Version: "embedded", Policy: "noeviction"}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	var (
		mu  sync.Mutex
		all []Server
		old []error
	)
	err := f.eachServer(ctx, func(ctx context.Context, c *redis.Client) error {
		s, err := askServer(ctx, c)
		if err != nil {
			return fmt.Errorf("ask server %s about itself: %w", f.nameOf(c), err)
		}
		s.Addr = f.nameOf(c)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, s)
		if s.major() < oldestMajor {
			old = append(old, fmt.Errorf("server %s is version %s: %w", s.Addr, s.Version, ErrServerTooOld))
		}
		return nil
	})
	return all, errors.Join(append(old, err)...)
}

// nameOf is a server's address, or its name among the sentinels, who alone know the address.
func (f *Front) nameOf(c *redis.Client) string {
	if f.opts.Mode == ModeSentinel {
		return f.opts.MasterName
	}
	return c.Options().Addr
}

func askServer(ctx context.Context, c *redis.Client) (Server, error) {
	text, err := c.Info(ctx).Result() // all sections: servers before 7.0 take no list
	if err != nil {
		return Server{}, err
	}
	info := parseInfo(text)
	s := Server{
		Version: info["redis_version"], Policy: info["maxmemory_policy"],
		AppendOnly: info["aof_enabled"] == "1",
	}
	if s.Version == "" {
		return Server{}, errors.New("INFO tells no redis_version")
	}
	s.MaxMemory, _ = strconv.ParseInt(info["maxmemory"], 10, 64) // 0, no limit known, when it does not say
	s.UsedMemory, _ = strconv.ParseInt(info["used_memory"], 10, 64)
	return s, nil
}

// major is the first number of the version; an unreadable one counts as new enough.
func (s Server) major() int {
	first, _, _ := strings.Cut(s.Version, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return oldestMajor
	}
	return n
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

package redisfront

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The limits of a connection. The budget of a pipeline is its context's deadline; these bound everything else.
const (
	dialTimeout = time.Second
	slowTimeout = 2 * time.Second // reading hits, and whatever no request waits for
	bufferSize  = 64 << 10        // a pipeline of hundreds of commands in one write
)

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// newClient makes the client of a mode, which connects when first used; dial replaces the network when it isn't nil. What
// differs from go-redis' defaults, and why:
//
//   - No retries: a repeated command may meet its own first execution, and a budget spent on one try is spent.
//   - Contexts count: without ContextTimeoutEnabled a deadline would be ignored.
//   - One dial a try: go-redis would dial five times, with pauses, before it says that nobody listens.
//   - No second pool for pipelines, no maintenance notifications, no CLIENT SETINFO, RESP2: nothing here needs them, and
//     each costs round trips or reads.
//   - In a cluster redirects are followed, within the deadline: repeating a claim is safe, and the ledger folds hits.
func newClient(o *Options, dial dialer) redis.UniversalClient {
	patience := max(slowTimeout, o.Timeout, o.SettleTimeout)
	u := &redis.UniversalOptions{
		Addrs: o.Addrs, MasterName: o.MasterName, Username: o.Username, Password: o.Password,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword, DB: o.DB, TLSConfig: o.TLS,
		Dialer: dial, DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: patience, WriteTimeout: patience,
		ContextTimeoutEnabled: true, MaxRetries: -1, MaxRedirects: 3,
		MinRetryBackoff: time.Millisecond, MaxRetryBackoff: 8 * time.Millisecond,
		PoolSize: o.PoolSize, PipelinePoolSize: -1, ReadBufferSize: bufferSize, WriteBufferSize: bufferSize,
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch o.Mode {
	case ModeSentinel:
		return redis.NewFailoverClient(u.Failover())
	case ModeCluster:
		cluster := u.Cluster()
		cluster.DisableRoutingPolicies = true // they cost a COMMAND call; every command here has its key in front
		return redis.NewClusterClient(cluster)
	default:
		return redis.NewClient(u.Simple())
	}
}

// silence is go-redis' logger: it would write a line of its own format to stderr for each failed dial. What operators have
// to know is said once, by the breaker.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

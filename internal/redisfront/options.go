package redisfront

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Mode says what kind of Redis is spoken to. It is never guessed from the number of addresses.
type Mode string

// The modes.
const (
	ModeEmbedded Mode = "embedded" // inside this process
	ModeSingle   Mode = "single"   // one server
	ModeSentinel Mode = "sentinel" // one primary, found through sentinels
	ModeCluster  Mode = "cluster"  // Redis Cluster
)

// Defaults of [Options].
const (
	DefaultTimeout       = 50 * time.Millisecond
	DefaultSettleTimeout = 20 * time.Millisecond
	DefaultHitsCap       = 1_000_000
	DefaultPoolSize      = 16
	DefaultProbeEvery    = time.Second
	DefaultReclaimAfter  = 30 * time.Second
)

// Options of a [Front]. Mode is required, and with it, except for ModeEmbedded, Addrs.
type Options struct {
	Mode       Mode
	Addrs      []string // host:port: the server, the sentinels, or some nodes of the cluster
	MasterName string   // ModeSentinel only: the primary's name
	Username   string
	Password   string
	// SentinelUsername and SentinelPassword log in to the sentinels themselves.
	SentinelUsername string
	SentinelPassword string
	DB               int         // always 0 in ModeCluster
	TLS              *tls.Config // nil: no TLS
	PoolSize         int         // connections a server; 0: 16

	// Timeout is the longest that a pipeline of claims or hits takes; SettleTimeout the same for settling. 0: 50 ms, 20 ms.
	Timeout       time.Duration
	SettleTimeout time.Duration
	// ProbeEvery is the pause between two probes while Redis is left out. 0: 1 s.
	ProbeEvery time.Duration

	// HitsCap is how many hits of one source may wait; further ones go to the ledger. 0: 1,000,000.
	HitsCap int64
	// ReclaimAfter is how long a reader may hold hits before another takes them over. 0: 30 s.
	ReclaimAfter time.Duration
	// LedgerID names the database, so that gateways on one Redis but different databases never move each other's hits: up
	// to 64 letters, digits or hyphens; "" while it is not known, and then hits go to the ledger. It is called often and
	// must not block. nil: never known.
	LedgerID func() string

	// Now is the clock of what this package says and remembers; timeouts and Redis itself keep their own. nil: time.Now.
	Now func() time.Time
	Log *slog.Logger // nil: silent
}

func (o *Options) validate() error {
	switch o.Mode {
	case ModeEmbedded:
	case ModeSingle:
		if len(o.Addrs) != 1 {
			return fmt.Errorf("redis: mode single needs exactly one address, got %d", len(o.Addrs))
		}
	case ModeSentinel:
		if len(o.Addrs) == 0 || o.MasterName == "" {
			return errors.New("redis: mode sentinel needs the sentinels' addresses and the primary's name")
		}
	case ModeCluster:
		if len(o.Addrs) == 0 {
			return errors.New("redis: mode cluster needs the address of at least one node")
		}
		if o.DB != 0 {
			return fmt.Errorf("redis: mode cluster has database 0 only, got %d", o.DB)
		}
	default:
		return fmt.Errorf("redis: unknown mode %q: use embedded, single, sentinel or cluster", o.Mode)
	}
	return nil
}

func (o *Options) setDefaults() {
	o.PoolSize = cmp.Or(o.PoolSize, DefaultPoolSize)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.SettleTimeout = cmp.Or(o.SettleTimeout, DefaultSettleTimeout)
	o.ProbeEvery = cmp.Or(o.ProbeEvery, DefaultProbeEvery)
	o.HitsCap = cmp.Or(o.HitsCap, DefaultHitsCap)
	o.ReclaimAfter = cmp.Or(o.ReclaimAfter, DefaultReclaimAfter)
	if o.LedgerID == nil {
		o.LedgerID = func() string { return "" }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
}

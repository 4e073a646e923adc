package config

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/quota"
)

// Default is every key's value when nobody sets it. Its sources are empty; [Load] adds the default source in embedded
// mode.
func Default() *Config {
	return &Config{
		DataDir: "./data",
		HTTP: HTTP{
			Listen:            ":8080",
			MaxBody:           10 * MiB,
			ReadHeaderTimeout: Duration(5 * time.Second),
			ReadTimeout:       Duration(20 * time.Second),
			WriteTimeout:      Duration(30 * time.Second),
			IdleTimeout:       Duration(2 * time.Minute),
			MaxHeader:         32 * KiB,
		},
		Admin:    Admin{Listen: "127.0.0.1:8081", Session: Duration(12 * time.Hour)},
		Limits:   Limits{InFlight: 8192, Unproven: 256, Source: quota.Unlimited, Client: quota.Unlimited, FailedAuth: "60/m", Storm: "100/m"},
		Log:      Log{Format: "auto", Level: "info"},
		Database: Database{MaxConnections: 16, Committers: 2},
		Redis:    Redis{Mode: ModeEmbedded},
		Dedup: Dedup{
			Window:        3 * day,
			Lease:         Duration(15 * time.Second),
			DecideTimeout: Duration(8 * time.Second),
			RedisTimeout:  Duration(50 * time.Millisecond),
			SettleTimeout: Duration(20 * time.Millisecond),
			QueueRequests: 4096,
			QueueBytes:    256 * MiB,
			BatchRequests: 128,
			BatchBytes:    8 * MiB,
			HitsCap:       1_000_000,
			OtherBodies:   4,
		},
		Retention:       Retention{Receipts: 90 * day, Bodies: 90 * day, Keys: 400 * day, Quarantine: 90 * day},
		Apify:           Apify{URL: "https://api.apify.com", ReconcileEvery: Duration(15 * time.Minute), LongestRun: day},
		ShutdownDelay:   Duration(3 * time.Second),
		ShutdownTimeout: Duration(25 * time.Second),
	}
}

// The modes of Redis.
const (
	ModeEmbedded = "embedded"
	ModeSingle   = "single"
	ModeSentinel = "sentinel"
	ModeCluster  = "cluster"
)

// Embedded reports whether the gateway runs without services: SQLite and the Redis inside the process.
func (c *Config) Embedded() bool { return c.Database.URL == "" && c.Redis.Mode == ModeEmbedded }

// complete fills what depends on other keys: the default source and the defaults within each source, and what embedded mode lets destinations
// do.
func (c *Config) complete() {
	if c.Embedded() && len(c.Sources) == 0 {
		c.Sources = []Source{{Name: DefaultSource, Kind: KindApify}}
	}
	if len(c.Admin.Tokens) == 0 {
		c.Admin.Tokens = nil // an empty list is none
	}
	if len(c.Destinations) == 0 {
		c.Destinations = nil // an empty list is none
	}
	for i := range c.Destinations {
		c.Destinations[i].complete(c.Embedded())
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		if s.QuarantineStatus == 0 {
			s.QuarantineStatus = 200
		}
		s.completeApify()
	}
}

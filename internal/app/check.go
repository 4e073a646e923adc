package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"syscall"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/redisfront"
)

// Level says how bad a finding is.
type Level string

// The levels. Only an error has to be mended before a gateway can be relied on.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level
	About string // config, destinations, database or redis
	Text  string // what is so, and for a warning or an error what to do
}

// Check looks at the configuration and the stores it names. It changes nothing.
func Check(ctx context.Context, cfg *config.Config) []Finding {
	findings := []Finding{{LevelOK, "config", "valid"}}
	for _, w := range cfg.Warnings() {
		findings = append(findings, Finding{LevelWarning, "config", w})
	}
	findings = append(findings, checkDestinations(cfg)...)
	findings = append(findings, checkDatabase(ctx, cfg)...)
	return append(findings, checkRedis(ctx, cfg)...)
}

// checkFolder says whether serve can make its database in a folder, or the folder itself.
func checkFolder(path string) Finding {
	const mayWrite, mayEnter = 2, 1 // of access(2)
	for nearest := path; ; nearest = filepath.Dir(nearest) {
		err := syscall.Access(nearest, mayWrite|mayEnter)
		switch {
		case err == nil:
			return Finding{LevelOK, "database", "SQLite: no database in data_dir yet; serve makes it"}
		case !errors.Is(err, fs.ErrNotExist) || nearest == filepath.Dir(nearest):
			return Finding{LevelError, "database", fmt.Sprintf("%s: %v: set data_dir to a folder that can be written", nearest, err)}
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func checkRedis(ctx context.Context, cfg *config.Config) []Finding {
	opts, err := redisOptions(cfg)
	if err != nil {
		return []Finding{{LevelError, "redis", err.Error()}}
	}
	front, err := redisfront.Open(ctx, opts)
	if err != nil {
		return []Finding{{LevelError, "redis", err.Error()}}
	}
	defer func() { _ = front.Close() }()
	servers, err := front.Servers(ctx)
	var findings []Finding
	if errors.Is(err, redisfront.ErrServerTooOld) {
		findings = append(findings, Finding{LevelError, "redis", err.Error() + ": install Redis 7.0 or newer"})
	} else if err != nil {
		findings = append(findings, Finding{LevelError, "redis", err.Error() + ": outcomes stay right without Redis, but every request asks the database"})
	}
	for _, s := range servers {
		findings = append(findings, describeRedis(s)...)
	}
	return findings
}

func describeRedis(s redisfront.Server) []Finding {
	if s.Addr == "embedded" {
		return []Finding{{LevelOK, "redis", "embedded, inside the gateway"}}
	}
	findings := []Finding{{LevelOK, "redis", fmt.Sprintf("%s: version %s, eviction policy %s", s.Addr, s.Version, s.Policy)}}
	switch {
	case s.EvictsHits():
		findings = append(findings, Finding{LevelWarning, "redis", fmt.Sprintf(
			"%s: policy %s may throw away receipts of duplicates that wait for the database; set maxmemory-policy to volatile-lru or noeviction",
			s.Addr, s.Policy)})
	case s.RefusesWhenFull():
		findings = append(findings, Finding{LevelOK, "redis", fmt.Sprintf(
			"%s: refuses writes at %d bytes (%d used); outcomes stay right then, but every request asks the database", s.Addr, s.MaxMemory, s.UsedMemory)})
	}
	return findings
}

func checkDatabase(ctx context.Context, cfg *config.Config) []Finding {
	f, err := ledger.Inspect(ctx, ledgerOptions(cfg))
	if err != nil {
		return []Finding{{LevelError, "database", err.Error()}}
	}
	if f.Version == "" {
		return []Finding{checkFolder(cfg.DataDir)}
	}
	findings := []Finding{{LevelOK, "database", f.Engine + " " + f.Version + " can be reached"}}
	add := func(wrong bool, level Level, format string, args ...any) {
		if wrong {
			findings = append(findings, Finding{level, "database", fmt.Sprintf(format, args...)})
		}
	}
	add(f.TooOld, LevelError, "PostgreSQL 13 or newer is needed, this is %s", f.Version)
	add(!f.TakesWrites, LevelError, "it takes no writes: a standby or read-only; point database.url at the primary")
	add(!f.Durable(), LevelError, "fsync is %s: events answered 200 may be lost when the server crashes; set it to on", f.Fsync)
	add(f.SynchronousCommit == "off", LevelWarning, "synchronous_commit is off; a gateway sets it to on for its own connections")
	add(len(f.Pending) > 0, LevelWarning, "migrations pending: %d; serve applies them, or run dedupgate migrate up", len(f.Pending))
	add(f.DefaultPartitionRows > 0, LevelWarning,
		"%d receipts lie in the DEFAULT partition: partitions were not made in time; was no gateway running for a week?", f.DefaultPartitionRows)
	add(f.MissingPartitions > 0 && len(f.Pending) == 0, LevelWarning,
		"%d of the next days' partitions are missing; a running gateway makes them within the hour", f.MissingPartitions)
	return findings
}

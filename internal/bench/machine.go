package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine is where and with what was measured.
type machine struct {
	Date     time.Time
	CPU      string
	Cores    int
	Memory   string
	Kernel   string
	Disk     string // file system of the database's folder
	Sync     time.Duration
	Go       string
	Gateway  string
	Postgres string
	Redis    string
	Durable  string // fsync and synchronous_commit
}

func (s *stage) describe(ctx context.Context) (machine, error) {
	m := machine{
		Date: time.Now().UTC(), CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		Memory: field("/proc/meminfo", "MemTotal"), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		Disk: fileSystem(s.folder), Go: runtime.Version(),
	}
	version, err := exec.CommandContext(ctx, s.opts.gateway, "version").Output() //nolint:gosec // who runs the bench names the gateway
	if err != nil {
		return m, fmt.Errorf("ask the gateway for its version: %w", err)
	}
	m.Gateway, _, _ = strings.Cut(strings.TrimSpace(string(version)), "\n")
	var sync, commit string
	err = s.db.QueryRow(ctx, "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')").
		Scan(&m.Postgres, &sync, &commit)
	if err != nil {
		return m, fmt.Errorf("ask PostgreSQL for its version: %w", err)
	}
	m.Durable = "fsync " + sync + ", synchronous_commit " + commit
	info, err := s.memory.Info(ctx, "server").Result()
	if err != nil {
		return m, fmt.Errorf("ask Redis for its version: %w", err)
	}
	m.Redis = infoField(info, "redis_version")
	m.Sync, err = syncTime(s.folder)
	return m, err
}

// field finds "name : value" in a file of /proc.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// fileSystem is the type of the file system that folder lies on.
func fileSystem(folder string) string {
	text, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return "unknown"
	}
	kind, longest := "unknown", -1
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // device, mount point, type, …
		if len(fields) < 3 || len(fields[1]) <= longest || !strings.HasPrefix(folder+"/", strings.TrimSuffix(fields[1], "/")+"/") {
			continue
		}
		kind, longest = fields[2], len(fields[1])
	}
	return kind
}

// syncTime is the median time to append a page to a file and have it on disk: what a commit can't be faster than.
func syncTime(folder string) (time.Duration, error) {
	file, err := os.Create(filepath.Join(folder, "sync")) //nolint:gosec // the folder is ours
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }() // nobody reads it
	page, took := make([]byte, 8192), make([]time.Duration, 101)
	for i := range took {
		start := time.Now()
		if _, err = file.Write(page); err == nil {
			err = file.Sync()
		}
		if err != nil {
			return 0, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

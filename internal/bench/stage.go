package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/bench/load"
	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

const (
	sourceName  = "apify"
	sourceToken = "bench-token-of-a-throwaway-gateway"
	adminToken  = "bench-admin-token-of-a-throwaway-gateway"
	// Each has keys of its own in Redis.
	gatewayRedisDB    = 0
	naiveRedisDB      = 1
	forwardingRedisDB = 2
)

// postgresSettings are what a small production server would have; all else, fsync and synchronous_commit included, stands
// at PostgreSQL's defaults.
func postgresSettings() []string { return []string{"shared_buffers = 512MB", "max_wal_size = 4GB"} }

// contender is one of the three that are measured.
type contender struct {
	*process
	target load.Target
}

// stage is everything that runs while measuring.
type stage struct {
	opts     options
	folder   string // temporary
	postgres *throwaway.Postgres
	redis    *throwaway.Redis
	db       *pgx.Conn     // to the gateway's database
	handed   *pgx.Conn     // to the database of the gateway that hands on
	memory   *redis.Client // to its Redis

	gateway, bare, naive *contender

	next uint64 // number of the next event that was never told
	want books  // what the gateway's tables must hold
}

// setStage starts the stores and the three contenders.
func setStage(ctx context.Context, opts options) (*stage, error) {
	s := &stage{opts: opts}
	if err := s.start(ctx); err != nil {
		s.clear(ctx)
		return nil, err
	}
	return s, nil
}

func (s *stage) start(ctx context.Context) (err error) {
	if err = os.MkdirAll(s.opts.logs, 0o750); err != nil {
		return err
	}
	if s.folder, err = os.MkdirTemp("", "dedupgate-bench-"); err != nil {
		return err
	}
	if s.postgres, err = throwaway.StartPostgres(ctx, postgresSettings()...); err != nil {
		return err
	}
	if s.redis, err = throwaway.StartRedis(ctx); err != nil {
		return err
	}
	s.memory = redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	for _, name := range []string{gatewayName, naiveName, forwardingName} {
		if err = createDatabase(ctx, s.postgres.DSN("postgres"), name); err != nil {
			return err
		}
	}
	if s.db, err = pgx.Connect(ctx, s.postgres.DSN(gatewayName)); err != nil {
		return fmt.Errorf("connect to the gateway's database: %w", err)
	}
	if s.handed, err = pgx.Connect(ctx, s.postgres.DSN(forwardingName)); err != nil {
		return fmt.Errorf("connect to the database of the gateway that hands on: %w", err)
	}
	var flags []string
	if s.opts.profile != "" {
		flags = append(flags, "--cpu-profile", s.opts.profile)
	}
	if s.gateway, err = s.startGateway(ctx, gatewayName, gatewayRedisDB, "", flags...); err != nil {
		return err
	}
	if s.bare, err = s.startYardstick(ctx, bareName); err != nil {
		return err
	}
	s.naive, err = s.startYardstick(ctx, naiveName, "-postgres", s.postgres.DSN(naiveName),
		"-redis", s.redis.Addr(), "-redis-db", strconv.Itoa(naiveRedisDB))
	return err
}

func createDatabase(ctx context.Context, dsn, name string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return errors.Join(err, conn.Close(ctx))
}

// startGateway serves in production mode with the defaults of everything that has one. name is its database's too, more is
// YAML to add to its configuration, flags are of its command line.
func (s *stage) startGateway(ctx context.Context, name string, redisDB int, more string, flags ...string) (*contender, error) {
	public, admin, err := twoAddresses(ctx)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`data_dir: %q
http: {listen: %q}
admin: {listen: %q, token: %q}
database: {url: %q}
redis: {mode: single, addresses: [%q], db: %d}
sources:
  - name: %s
    kind: apify
    tokens: [{value: %q}]
%s`, filepath.Join(s.folder, name), public, admin, adminToken, s.postgres.DSN(name), s.redis.Addr(), redisDB, sourceName, sourceToken, more)
	path := filepath.Join(s.folder, name+".yaml")
	if err = os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, s.opts.logs, name, s.opts.gateway, append([]string{"serve", "--config", path}, flags...)...)
	if err != nil {
		return nil, err
	}
	c := &contender{process: p, target: webhooksAt(public)}
	return c, c.await(ctx, "http://"+public+"/readyz")
}

// startYardstick starts this same program as a yardstick.
func (s *stage) startYardstick(ctx context.Context, name string, args ...string) (*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, _, err := twoAddresses(ctx)
	if err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, s.opts.logs, name, self, append([]string{name, "-listen", addr}, args...)...)
	if err != nil {
		return nil, err
	}
	c := &contender{process: p, target: webhooksAt(addr)}
	return c, c.await(ctx, "http://"+addr+"/healthz")
}

func webhooksAt(addr string) load.Target {
	return load.Target{Addr: addr, Path: "/webhooks/" + sourceName + "?token=" + sourceToken}
}

func twoAddresses(ctx context.Context) (a, b string, err error) {
	var ports [2]int
	for i := range ports {
		if ports[i], err = throwaway.FreePort(ctx); err != nil {
			return "", "", err
		}
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1])), nil
}

// clear stops everything that runs, the contenders first. What can't be stopped is told and left.
func (s *stage) clear(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, c := range []*contender{s.gateway, s.bare, s.naive} {
		if c != nil {
			c.stop()
		}
	}
	if s.db != nil {
		errs = append(errs, s.db.Close(ctx))
	}
	if s.handed != nil {
		errs = append(errs, s.handed.Close(ctx))
	}
	if s.memory != nil {
		errs = append(errs, s.memory.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Close())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder)) //nolint:gosec // made by MkdirTemp
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, "bench: clearing up:", err)
	}
}

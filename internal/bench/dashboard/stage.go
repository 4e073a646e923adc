package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

const (
	sourceToken = "bench-token-of-a-throwaway-gateway"
	adminToken  = "bench-admin-token-of-a-throwaway-gateway"
)

// stage is everything that runs while measuring.
type stage struct {
	folder   string // temporary
	postgres *throwaway.Postgres
	redis    *throwaway.Redis
	path     string // of the configuration
	config   *config.Config
	db       *pgx.Conn

	gateway *app.App
	cancel  context.CancelFunc
	ended   chan error
	client  *http.Client
}

func setStage(ctx context.Context) (*stage, error) {
	s := &stage{client: &http.Client{Timeout: time.Minute}}
	if err := s.start(ctx); err != nil {
		s.clear(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

// start starts the stores and makes the schema. The server forgets what it holds when the machine crashes, which takes half
// the time off filling the tables and none off reading them.
func (s *stage) start(ctx context.Context) (err error) {
	if s.folder, err = os.MkdirTemp("", "dedupgate-bench-"); err != nil {
		return err
	}
	settings := []string{"shared_buffers = 512MB", "max_wal_size = 4GB", "fsync = off", "full_page_writes = off"}
	if s.postgres, err = throwaway.StartPostgres(ctx, settings...); err != nil {
		return err
	}
	if s.redis, err = throwaway.StartRedis(ctx); err != nil {
		return err
	}
	s.path = filepath.Join(s.folder, "dedupgate.yaml")
	text := fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
log: {level: warn}
database: {url: %q}
redis: {mode: single, addresses: [%q]}
sources:
  - {name: apify, kind: apify, tokens: [{value: %q}]}
  - {name: shop, kind: apify, tokens: [{value: %q}]}
  - {name: crm, kind: apify, tokens: [{value: %q}]}
`, filepath.Join(s.folder, "data"), adminToken, s.postgres.DSN("postgres"), s.redis.Addr(), sourceToken, sourceToken, sourceToken)
	if err = os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		return err
	}
	if s.config, err = config.Load(s.path, nil); err != nil {
		return err
	}
	if _, err = app.Migrate(ctx, s.config); err != nil {
		return err
	}
	s.db, err = pgx.Connect(ctx, s.postgres.DSN("postgres"))
	return err
}

// serve starts the gateway in this process.
func (s *stage) serve(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if s.gateway, err = app.New(ctx, app.Options{Config: s.config, Path: s.path, Log: log}); err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.gateway.Run(ctx, func() time.Duration { return 0 }) }()
	return s.awaitReady(ctx)
}

// awaitReady waits until the gateway takes webhooks.
func (s *stage) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.gateway.PublicAddr()+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		if res, err := s.client.Do(req); err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("the gateway has ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// summarise makes the summaries that a gateway makes little by little.
func (s *stage) summarise(ctx context.Context) error {
	l, err := ledger.Open(ctx, ledger.Options{URL: s.config.Database.URL.Reveal()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(l.Summarise(ctx, true), l.Close())
}

// size is what the database takes.
func (s *stage) size(ctx context.Context) string {
	var text string
	if err := s.db.QueryRow(ctx, "SELECT pg_size_pretty(pg_database_size(current_database()))").Scan(&text); err != nil {
		return err.Error()
	}
	return text
}

// clear stops everything. What can't be stopped is told and left.
func (s *stage) clear(ctx context.Context) {
	var errs []error
	if s.cancel != nil {
		s.cancel()
		errs = append(errs, <-s.ended)
	} else if s.gateway != nil {
		errs = append(errs, s.gateway.Close(ctx))
	}
	if s.db != nil {
		errs = append(errs, s.db.Close(ctx))
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Close())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, "bench-dashboard: clear the stage:", err)
	}
}

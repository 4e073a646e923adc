package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/redisfront"
)

// sqliteFile is the embedded database's name within data_dir.
const sqliteFile = "dedupgate.db"

func ledgerOptions(cfg *config.Config) ledger.Options {
	return ledger.Options{
		URL: cfg.Database.URL.Reveal(), Path: filepath.Join(cfg.DataDir, sqliteFile), MaxConnections: cfg.Database.MaxConnections,
	}
}

func redisOptions(cfg *config.Config) (redisfront.Options, error) {
	o := redisfront.Options{
		Mode: redisfront.Mode(cfg.Redis.Mode), Addrs: cfg.Redis.Addresses, MasterName: cfg.Redis.MasterName,
		Username: cfg.Redis.Username, Password: cfg.Redis.Password.Reveal(), SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		DB: cfg.Redis.DB, HitsCap: int64(cfg.Dedup.HitsCap),
		Timeout: time.Duration(cfg.Dedup.RedisTimeout), SettleTimeout: time.Duration(cfg.Dedup.SettleTimeout),
	}
	if !cfg.Redis.TLS {
		return o, nil
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.Redis.TLSCAFile == "" {
		return o, nil
	}
	pem, err := os.ReadFile(cfg.Redis.TLSCAFile)
	if err != nil {
		return o, fmt.Errorf("redis.tls_ca_file: %w", err)
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return o, fmt.Errorf("redis.tls_ca_file: %s holds no PEM certificate", cfg.Redis.TLSCAFile)
	}
	return o, nil
}

// openStores migrates and opens the database, then Redis. Redis being away is no failure; a Redis that is too old is.
func (a *App) openStores(ctx context.Context, cfg *config.Config) error {
	applied, err := ledger.Migrate(ctx, migratesQueue(ledgerOptions(cfg), a.log))
	if err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	for _, m := range applied {
		a.log.Info("migration applied", "version", m.Version, "name", m.Name)
	}
	l, err := ledger.Open(ctx, ledgerOptions(cfg), a.log)
	if err != nil {
		return err
	}
	a.ledger = l
	a.parts.started("database", func(context.Context) error { return l.Close() })

	opts, err := redisOptions(cfg)
	if err != nil {
		return err
	}
	opts.LedgerID, opts.Log = l.ID, a.log
	front, err := redisfront.Open(ctx, opts)
	if err != nil {
		return err
	}
	a.redis = front
	a.parts.started("redis", func(context.Context) error { return front.Close() })
	if _, err := front.Servers(ctx); errors.Is(err, redisfront.ErrServerTooOld) {
		return fmt.Errorf("%w: install Redis 7.0 or newer", err)
	}
	return nil
}

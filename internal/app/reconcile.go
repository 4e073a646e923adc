package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// errNoAPIToken is the failure of what can't be done without asking Apify.
var errNoAPIToken = errors.New("apify.token is not set: make an API token in Apify's console, and set apify.token_file or DEDUPGATE_APIFY_TOKEN")

// Reconcile asks Apify once for events that never came, and puts them through a gate of its own, beside any gateway that runs.
// The stores are opened as a gateway would, except that a dry run only reads the database. log hears of each event.
func Reconcile(ctx context.Context, cfg *config.Config, o apify.PassOptions, build metrics.Build, log *slog.Logger) (report apify.Report, err error) {
	if cfg.Apify.Token == "" {
		return report, errNoAPIToken
	}
	a := &App{opts: Options{Config: cfg, Build: build, Log: log}, log: log}
	defer func() { err = errors.Join(err, a.Close(context.WithoutCancel(ctx))) }()
	a.watcher = config.NewWatcher(cfg, config.WatchOptions{Logger: log})
	if o.DryRun {
		err = a.openToRead(ctx, cfg)
	} else {
		err = a.openToInject(ctx, cfg)
	}
	if err != nil {
		return report, err
	}
	client, err := apifyClient(cfg, build.Version)
	if err != nil {
		return report, err
	}
	defer client.Close()
	gateway, err := apifyGateway(cfg, a.sources.Lookup)
	if err != nil {
		return report, err
	}
	return a.reconciler(cfg, client, func() (*apify.Gateway, error) { return gateway, nil }).Pass(ctx, o)
}

// openToRead opens the database as it is.
func (a *App) openToRead(ctx context.Context, cfg *config.Config) error {
	l, err := ledger.Open(ctx, ledgerOptions(cfg), a.log)
	if err != nil {
		return err
	}
	a.ledger = l
	a.parts.started("database", func(context.Context) error { return l.Close() })
	return a.openSources(cfg)
}

// openToInject opens what an event passes on its way in, and makes jobs without working them.
func (a *App) openToInject(ctx context.Context, cfg *config.Config) error {
	if err := makeDataDir(cfg); err != nil {
		return err
	}
	if err := a.openStores(ctx, cfg); err != nil {
		return err
	}
	if err := a.openSources(cfg); err != nil {
		return err
	}
	if err := a.prepareForwarding(cfg); err != nil {
		return err
	}
	gate, err := a.newGate(cfg)
	if err != nil {
		return err
	}
	a.gate = gate
	a.parts.started("gate", gate.Close)
	return nil
}

// newGate makes the gate over the open stores.
func (a *App) newGate(cfg *config.Config) (*dedup.Gate, error) {
	o := dedup.Options{
		Claimer: a.redis, HitLog: a.redis, Ledger: a.ledger,
		Deadline: time.Duration(cfg.Dedup.DecideTimeout), SettleTimeout: time.Duration(cfg.Dedup.SettleTimeout),
		QueueRequests: cfg.Dedup.QueueRequests, QueueBytes: int64(cfg.Dedup.QueueBytes),
		BatchRequests: cfg.Dedup.BatchRequests, BatchBytes: int64(cfg.Dedup.BatchBytes),
		Claimers: claimers, Committers: cfg.Database.Committers,
		Observer: a.metrics,
	}
	if a.limiter != nil { // who comes without senders needs none
		o.Limiter = a.limiter
	}
	return dedup.NewGate(o)
}

// DoctorApify asks Apify for its webhooks and judges those that concern this gateway. It changes nothing and opens no store.
func DoctorApify(ctx context.Context, cfg *config.Config, build metrics.Build) ([]apify.Finding, error) {
	if cfg.Apify.Token == "" {
		return nil, errNoAPIToken
	}
	made, err := tokenMade(cfg)
	if err != nil {
		return nil, err
	}
	var all sources
	if err = all.set(cfg, made); err != nil {
		return nil, err
	}
	gateway, err := apifyGateway(cfg, all.Lookup)
	if err != nil {
		return nil, err
	}
	client, err := apifyClient(cfg, build.Version)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	account, err := client.ReadAccount(ctx, gateway)
	if err != nil {
		return nil, err
	}
	return apify.Examine(account, gateway), nil
}

// tokenMade is the token that an embedded gateway has made for its source, or one that nobody has when it never ran.
func tokenMade(cfg *config.Config) (string, error) {
	if !cfg.Embedded() {
		return "", nil
	}
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, sourceTokenFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return signature.NewToken(), nil
	case err != nil:
		return "", fmt.Errorf("read token: %w", err)
	default:
		return strings.TrimSpace(string(text)), nil
	}
}

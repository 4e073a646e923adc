// Package app puts the parts together: the only package that sees every adapter. It opens the stores, applies migrations,
// serves both listeners and stops everything in good order. cmd/dedupgate and the tests import it, nobody else.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/bodies"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dashboard"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/forward"
	"github.com/dedupgate/dedupgate/internal/httpapi"
	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/redisfront"
)

// Options of an [App].
type Options struct {
	Config  *config.Config
	Path    string   // of the configuration file, "" when there is none
	Environ []string // as given to config.Load
	Hangup  <-chan os.Signal
	Build   metrics.Build
	Log     *slog.Logger
	// Level is the log's, changed by a reload; may be nil.
	Level *slog.LevelVar
}

// App is one gateway, ready to run.
type App struct {
	opts    Options
	log     *slog.Logger
	watcher *config.Watcher
	parts   lifecycle

	ledger  *ledger.Ledger
	redis   *redisfront.Front
	gate    *dedup.Gate
	sources sources
	metrics *metrics.Metrics
	board   *board
	desk    *access.Desk
	guarding
	otherBodies *bodies.Keeper

	forwarder    *forward.Forwarder
	apifyChanged chan struct{} // what Apify is asked with

	public, admin     *http.Server
	publicAt, adminAt net.Listener
	stopping          atomic.Bool
	madeToken         string // of the default source; empty when tokens are configured
	welcome           Welcome
}

// Welcome is what a person needs to know after the start of a gateway.
type Welcome struct {
	PublicAddr, AdminAddr string
	WebhookURL            string // with its token; empty unless the gateway made the token itself
	AdminTokenPath        string // where the made admin token is kept; empty when it was configured
	Embedded              bool
}

// New opens listeners and stores, in the order in which a person would want to hear of a failure: ports, folder, database,
// Redis. Nothing is left open when it fails. The App must be Run or Closed.
func New(ctx context.Context, opts Options) (*App, error) {
	a := &App{opts: opts, log: opts.Log, board: newBoard(time.Now()), apifyChanged: make(chan struct{}, 1)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	cfg := a.opts.Config
	if err := a.listen(ctx, cfg); err != nil {
		return err
	}
	if err := makeDataDir(cfg); err != nil {
		return err
	}
	a.watcher = config.NewWatcher(cfg, config.WatchOptions{
		Path: a.opts.Path, Environ: a.opts.Environ, Hangup: a.opts.Hangup, Logger: a.log, OnChange: a.reloaded,
	})
	if err := a.openStores(ctx, cfg); err != nil {
		return err
	}
	if err := a.openSources(cfg); err != nil {
		return err
	}
	if err := a.prepareForwarding(cfg); err != nil {
		return err
	}
	if err := a.openGate(cfg); err != nil {
		return err
	}
	if err := a.startForwarding(ctx, cfg); err != nil {
		return err
	}
	a.openApify(ctx, cfg)
	return a.openHTTP(cfg)
}

func (a *App) listen(ctx context.Context, cfg *config.Config) error {
	for _, l := range []struct {
		at   *net.Listener
		addr string
		key  string
		env  string
	}{
		{&a.publicAt, cfg.HTTP.Listen, "http.listen", "DEDUPGATE_HTTP_LISTEN"},
		{&a.adminAt, cfg.Admin.Listen, "admin.listen", "DEDUPGATE_ADMIN_LISTEN"},
	} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", l.addr)
		if err != nil {
			return fmt.Errorf("%s: %w (free the port, or set %s to another address)", l.key, err, l.env)
		}
		*l.at = listener
		a.parts.started(l.key, func(context.Context) error {
			if err := listener.Close(); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	return nil
}

func (a *App) openSources(cfg *config.Config) error {
	if cfg.Embedded() { // the default source may be without a token, now or after a reload
		var err error
		if a.madeToken, err = keptToken(cfg.DataDir, sourceTokenFile); err != nil {
			return err
		}
	}
	if err := a.sources.set(cfg, a.madeToken); err != nil {
		return err
	}
	a.metrics = metrics.New(a.opts.Build, sourceNames(cfg))
	return nil
}

func (a *App) openGate(cfg *config.Config) error {
	a.openGuarding(cfg)
	if err := a.openOtherBodies(); err != nil {
		return err
	}
	gate, err := a.newGate(cfg)
	if err != nil {
		return err
	}
	a.gate = gate
	a.metrics.WatchGate(gate)
	a.metrics.WatchRedis(a.redis.Degraded)
	a.metrics.WatchDatabase(a.DatabaseTakesWrites)
	drainer := &dedup.Drainer{Source: a.redis, Sink: a.ledger, Batch: drainBatch, Observer: a.metrics, Log: a.log, Busy: a.busy}
	a.parts.loop("drainer", drainer.Run)
	a.parts.loop("ledger maintenance", a.maintain)
	a.parts.every("gauges", gaugeInterval, a.readGauges)
	a.parts.every("gauges of destinations", statusInterval, a.readDestinations)
	a.parts.started("gate", gate.Close)
	a.welcome = welcome(cfg, a.publicAt.Addr(), a.adminAt.Addr(), a.madeToken)
	return nil
}

// busy reports that senders are waiting and hits have room to wait.
func (a *App) busy() bool {
	requests, _ := a.gate.Waiting()
	return requests > 0 && !a.redis.HitsPileUp()
}

// crowd is how many senders wait at the same moment when answers have become slow for want of processors.
const crowd = 32

func (a *App) crowded() bool {
	requests, _ := a.gate.Waiting()
	return requests >= crowd
}

const (
	// claimers is the number of Redis pipelines under way at once: one is filled while the other waits for its answers.
	claimers = 2
	// drainBatch is the number of hits moved into the database in one transaction.
	drainBatch = 1000
)

func (a *App) openHTTP(cfg *config.Config) error {
	public, err := httpapi.New(httpapi.Options{
		Sources: &a.sources, Gate: a.gate, Health: a, Meter: a.metrics,
		Oversize: newOversizeKeeper(a.ledger, a.limiter, time.Duration(cfg.Dedup.DecideTimeout)),
		MaxBody:  func() int64 { return int64(a.watcher.Current().HTTP.MaxBody) },
		Limits:   a.limits, Repeats: a, OtherBodies: a.otherBodies,
		TrustedProxies: cfg.HTTP.TrustedProxies, Log: a.log,
	})
	if err != nil {
		return err
	}
	if a.desk, err = openDesk(cfg); err != nil {
		return err
	}
	river, err := a.forwarder.UI("/river")
	if err != nil {
		return err
	}
	a.openBoard(public)
	pages, err := dashboard.New()
	if err != nil {
		return err
	}
	admin, err := httpapi.NewAdmin(httpapi.AdminOptions{
		Pages: pages, Dashboard: a.dashboard(), Storms: a,
		Reader: reader{a.ledger, a.redis, a.gate}, Replayer: a, Metrics: a.metrics.Handler(a.log),
		Deliveries: handing{a.ledger, a}, Destinations: a, River: river,
		OnLoopback: isLoopback(a.adminAt.Addr()) && !cfg.Admin.BehindProxy,
		Desk:       a.desk, BehindProxy: cfg.Admin.BehindProxy, TrustedProxies: cfg.HTTP.TrustedProxies,
		Version: a.opts.Build.Version, Log: a.log,
	})
	if err != nil {
		return err
	}
	timeouts := httpapi.Timeouts{
		Header: time.Duration(cfg.HTTP.ReadHeaderTimeout), Read: time.Duration(cfg.HTTP.ReadTimeout),
		Write: time.Duration(cfg.HTTP.WriteTimeout), Idle: time.Duration(cfg.HTTP.IdleTimeout),
	}
	a.public = httpapi.NewServer(public, timeouts, int(cfg.HTTP.MaxHeader), a.log)
	a.admin = httpapi.NewServer(admin, timeouts, int(cfg.HTTP.MaxHeader), a.log)
	return nil
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Welcome says where the gateway is reached.
func (a *App) Welcome() Welcome { return a.welcome }

// PublicAddr and AdminAddr are the addresses listened on, with the real ports when ":0" was asked for.
func (a *App) PublicAddr() string { return a.publicAt.Addr().String() }

// AdminAddr is the admin listener's address.
func (a *App) AdminAddr() string { return a.adminAt.Addr().String() }

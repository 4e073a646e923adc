package app

import (
	"context"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/source"
)

// apifyCallsPerSecond leaves most of what Apify allows, 60 a second for each kind of object, to the account's other programs.
const apifyCallsPerSecond = 20

func apifyClient(cfg *config.Config, version string) (*apify.Client, error) {
	return apify.NewClient(apify.Options{
		URL: cfg.Apify.URL, Token: cfg.Apify.Token.Reveal(), Agent: "dedupgate/" + version, PerSecond: apifyCallsPerSecond,
	})
}

// apifyGateway is the configuration as Apify's webhooks meet it.
func apifyGateway(cfg *config.Config, lookup func(name string) (*source.Source, bool)) (*apify.Gateway, error) {
	var targets []apify.Target
	for _, c := range cfg.Sources {
		src, ok := lookup(c.Name)
		if !ok || c.Kind != config.KindApify {
			continue
		}
		target := apify.Target{Source: src, Look: apify.Look(c.Reconcile)}
		target.Actors, target.Tasks = c.ReconciledToo()
		targets = append(targets, target)
	}
	return apify.NewGateway(cfg.HTTP.PublicURL, targets)
}

// openApify starts what asks Apify, as soon and as long as there is a token to ask with.
func (a *App) openApify(ctx context.Context, cfg *config.Config) {
	watch := sync.OnceValue(func() asking { return asking{a.metrics.WatchAsking()} })
	if cfg.Apify.Token != "" {
		watch()
	} else if waiting, _, err := a.ledger.Doubted(ctx); err == nil && waiting > 0 {
		a.log.Warn("events wait for verification, but there is no apify.token to ask with: set it, or release their deliveries", "events", waiting)
	}
	a.parts.loop("asking apify", func(ctx context.Context) {
		for ctx.Err() == nil {
			a.askUntilChanged(ctx, watch)
		}
	})
}

// askUntilChanged asks Apify as the configuration in force says, until another one is, or ctx ends.
func (a *App) askUntilChanged(ctx context.Context, watch func() asking) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	if cfg := a.watcher.Current(); cfg.Apify.Token != "" {
		all.Go(func() { a.ask(ctx, cfg, watch()) })
	}
	select {
	case <-a.apifyChanged:
	case <-ctx.Done():
	}
}

// ask reconciles and verifies until ctx ends.
func (a *App) ask(ctx context.Context, cfg *config.Config, watch asking) {
	client, err := apifyClient(cfg, a.opts.Build.Version)
	if err != nil {
		a.log.Error("Apify can't be asked", "error", err) // validated before: a defect
		return
	}
	defer client.Close()
	gateway := func() (*apify.Gateway, error) { return apifyGateway(a.watcher.Current(), a.sources.Lookup) }
	verifier := &apify.Verifier{Looker: apify.NewLooker(client, a.ledger, gateway), Doubts: a.ledger, Observer: watch, Log: a.log}
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() { verifier.Run(ctx) })
	both.Go(func() {
		a.reconciler(cfg, client, gateway).Run(ctx, func() time.Duration { return time.Duration(cfg.Apify.ReconcileEvery) }, watch)
	})
}

// reloadApify has Apify asked anew where that has changed.
func (a *App) reloadApify(old, next *config.Config) {
	if old.Apify == next.Apify {
		return
	}
	select {
	case a.apifyChanged <- struct{}{}:
	default: // it is known already
	}
}

func (a *App) reconciler(cfg *config.Config, client *apify.Client, gateway func() (*apify.Gateway, error)) *apify.Reconciler {
	return apify.NewReconciler(apify.ReconcileOptions{
		API: client, Record: a.ledger, Gate: counting{a.gate, a.metrics}, Gateway: gateway,
		KeysKept:   func() time.Duration { return time.Duration(a.watcher.Current().Retention.Keys) },
		LongestRun: time.Duration(cfg.Apify.LongestRun), Log: a.log,
	})
}

// asking is the metrics as [apify] tells them.
type asking struct{ *metrics.Asking }

var (
	_ apify.Observer       = asking{}
	_ apify.VerifyObserver = asking{}
)

// Reconciled implements [apify.Observer].
func (a asking) Reconciled(report apify.Report, failed bool) {
	a.Pass(failed)
	for _, m := range report.Missing {
		a.Missing(m.Source, string(m.Why), string(m.Result))
	}
}

// counting is the gate, with each verdict counted.
type counting struct {
	gate    *dedup.Gate
	metrics *metrics.Metrics
}

// Admit implements [apify.Gate].
func (c counting) Admit(ctx context.Context, in *dedup.Inbound) (dedup.Verdict, error) {
	start := time.Now()
	verdict, err := c.gate.Admit(ctx, in)
	if err == nil {
		c.metrics.Receipt(in.Key.Source, verdict, time.Since(start))
	}
	return verdict, err
}

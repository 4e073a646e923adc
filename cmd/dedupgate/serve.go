package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/loglines"
)

// serveCmd runs the gateway.
type serveCmd struct {
	configFlag
	CPUProfile string `name:"cpu-profile" type:"path" placeholder:"FILE" help:"Write a CPU profile to this file while serving, for 'go tool pprof'."`
}

// Help is shown by --help.
func (*serveCmd) Help() string {
	return `Without a configuration the embedded default is served: SQLite and Redis inside the process, data in ./data,
a token made on first start and kept. With one, migrations are applied under a lock before the listeners answer.

SIGTERM stops in good order: not ready, requests in flight answered, batches flushed, exit 0. Ctrl-C does the same
without waiting for load balancers to turn away; a second signal ends at once. SIGHUP reads the configuration again.

Memory: the collector runs when garbage is four times what is in use, and harder from 512 MiB on; GOGC and GOMEMLIMIT
change that.

Log: on a terminal each line is written at once. Elsewhere lines gather for up to 5 ms; a warning or an error waits for nothing.`
}

// Run serves until a signal ends it.
func (c *serveCmd) Run(std streams) error {
	tuneCollector()
	cfg, err := c.load()
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	log, flush := newLogger(std.err, cfg.Log, level)
	defer flush()
	for _, w := range cfg.Warnings() {
		log.Warn("configuration warning", "warning", w)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(signals)
	defer signal.Stop(hangup)
	grace := time.Duration(cfg.ShutdownDelay)
	go func() {
		if <-signals == syscall.SIGINT {
			grace = 0
		}
		cancel()
		<-signals
		log.Error("second signal: ending at once") // which is written at once, with all before it
		os.Exit(exitInterrupted)
	}()

	stopProfile, err := startProfile(c.CPUProfile)
	if err != nil {
		return err
	}
	defer stopProfile()
	a, err := app.New(ctx, app.Options{
		Config: cfg, Path: c.Config, Environ: os.Environ(), Hangup: hangup, Build: build(), Log: log, Level: level,
	})
	if err != nil {
		return err
	}
	greet(std.out, a.Welcome(), log)
	return a.Run(ctx, func() time.Duration { return grace })
}

// startProfile profiles the process until stop is called; a path of "" profiles nothing.
func startProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	if err = pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("--cpu-profile: %w", err), file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close() // nobody is left to be told
	}, nil
}

// newLogger writes lines to w; its level follows the configuration. Where no person reads along, lines travel together: flush
// writes the last ones.
func newLogger(w *os.File, c config.Log, level *slog.LevelVar) (log *slog.Logger, flush func()) {
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	opts := &slog.HandlerOptions{Level: level}
	if isTerminal(w) {
		return slog.New(newHandler(w, c.Format == "json", opts)), func() {}
	}
	lines := loglines.NewWriter(w)
	return slog.New(loglines.Handler(newHandler(lines, c.Format != "text", opts), lines)), lines.Flush
}

func newHandler(w io.Writer, asJSON bool, opts *slog.HandlerOptions) slog.Handler {
	if asJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// greet tells a person at a terminal, or one who reads the log, how to go on.
func greet(w io.Writer, hello app.Welcome, log *slog.Logger) {
	log.Info("serving", "public", hello.PublicAddr, "admin", hello.AdminAddr, "embedded", hello.Embedded)
	if hello.WebhookURL == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nPaste this URL into Apify as the webhook's URL (replace host and port by what Apify can reach):\n\n    %s\n", hello.WebhookURL)
	fmt.Fprintf(&b, "\nTry it from another terminal; the second time it is a duplicate:\n\n    %s\n", curlLine(hello.WebhookURL))
	fmt.Fprintf(&b, "\nDashboard and API: http://%s (sign in with the token in %s)\n\n", hello.AdminAddr, hello.AdminTokenPath)
	_, _ = io.WriteString(w, b.String())
}

// curlLine sends a short body in the shape of Apify's default payload.
func curlLine(webhookURL string) string {
	const body = `{"eventType":"ACTOR.RUN.SUCCEEDED","eventData":{"actorId":"zdoEemL5RrvCPG8vu","actorRunId":"ojue2pKvaKRjkewuJ"},` +
		`"resource":{"id":"ojue2pKvaKRjkewuJ","status":"SUCCEEDED","finishedAt":"2026-09-14T08:04:21.640Z"}}`
	return fmt.Sprintf(`curl -H 'Content-Type: application/json' -H 'X-Apify-Webhook-Dispatch-Id: SExv8QzmugdNukKjN' -d '%s' '%s'`, body, webhookURL)
}

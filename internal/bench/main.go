package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/dedupgate/dedupgate/internal/bench/yardstick"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// run measures, or is a yardstick when the first argument names one.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 && (args[0] == bareName || args[0] == naiveName || args[0] == sinkName) {
		return serveYardstick(ctx, args[0], args[1:])
	}
	opts, err := parseOptions(args)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	s, err := setStage(ctx, opts)
	if err != nil {
		return err
	}
	defer s.clear(ctx)
	found, err := s.perform(ctx)
	if err != nil {
		return err
	}
	return found.report(opts, os.Stdout)
}

// The yardsticks' names: as arguments, in tables and for log files.
const (
	bareName  = "bare"
	naiveName = "naive"
	sinkName  = "sink"
	// The gateway, and the one that hands events on, have databases of their names.
	gatewayName    = "gateway"
	forwardingName = "forwarding"
)

// serveYardstick is the whole of a yardstick's process. It logs as the gateway does.
func serveYardstick(ctx context.Context, name string, args []string) error {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	var (
		listen = set.String("listen", "127.0.0.1:0", "address to serve")
		stores yardstick.Stores
	)
	set.StringVar(&stores.Postgres, "postgres", "", "URL of the database")
	set.StringVar(&stores.Redis, "redis", "", "address of Redis")
	set.IntVar(&stores.RedisDB, "redis-db", 0, "number of the Redis database")
	if err := set.Parse(args); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if name == sinkName {
		return yardstick.Serve(ctx, *listen, yardstick.Sink(), log)
	}
	handler, err := yardstick.Bare(log)
	if name == naiveName {
		handler, err = yardstick.Naive(ctx, stores, log)
	}
	if err != nil {
		return err
	}
	return yardstick.Serve(ctx, *listen, handler, log)
}

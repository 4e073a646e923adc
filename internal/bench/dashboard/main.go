// Command dashboard measures how long the API calls behind the dashboard take when there is much to show. It starts a
// PostgreSQL and a Redis of its own, fills the tables with receipts of thirty days, lets the gateway make its summaries,
// and asks for everything that a page asks for, one call at a time. It then measures what a page that shows receipts live
// takes from those who send.
//
// Run it with `make bench-dashboard`. It tells misses of the bars and does not fail for them: other work on the machine
// shows in every figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench-dashboard:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// options are the command line's.
type options struct {
	receipts int64
	calls    int
	rounds   int
	round    time.Duration
}

func parseOptions(args []string) (o options, err error) {
	set := flag.NewFlagSet("dashboard", flag.ContinueOnError)
	set.Int64Var(&o.receipts, "receipts", 10_000_000, "receipts to fill the tables with")
	set.IntVar(&o.calls, "calls", 40, "how often each call is measured")
	set.IntVar(&o.rounds, "rounds", 8, "rounds of storms with and without a stream; 0 leaves them out")
	set.DurationVar(&o.round, "round", 4*time.Second, "length of a round")
	if err = set.Parse(args); err == nil && (o.receipts < 1000 || o.calls < 1 || o.rounds < 0) {
		err = errors.New("want at least 1000 receipts and 1 call")
	}
	return o, err
}

func run(ctx context.Context, args []string) error {
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	s, err := setStage(ctx)
	if err != nil {
		return err
	}
	defer s.clear(context.WithoutCancel(ctx))
	if err = s.seed(ctx, opts.receipts); err != nil {
		return err
	}
	if err = s.serve(ctx); err != nil {
		return err
	}
	results, err := s.measure(ctx, opts.calls)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d receipts in %s\n\n", opts.receipts, s.size(ctx))
	if err = report(os.Stdout, results); err != nil || opts.rounds == 0 {
		return err
	}
	cost, err := s.measureStream(ctx, opts.rounds, opts.round)
	if err != nil {
		return err
	}
	cost.report(os.Stdout)
	return nil
}

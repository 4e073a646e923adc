package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/bench/load"
)

// options are the command line.
type options struct {
	gateway     string        // the binary under test
	connections int           // kept alive, one request in flight each
	duration    time.Duration // of a phase
	rounds      int
	bodySize    string
	body        []byte
	settled     uint64        // events told before anything is measured
	distinct    uint64        // how many of them the repeats repeat
	storm       time.Duration // of the long storm of repeats
	events      int64         // rows put into the tables for the last phase; 0 leaves it out
	short       bool
	strict      bool
	doc         string // file to write; "" for none
	logs        string // folder for the log files of all processes
	profile     string // file for a CPU profile of the gateway; "" for none
}

func parseOptions(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.StringVar(&o.gateway, "gateway", "", "the dedupgate binary to measure (required)")
	set.IntVar(&o.connections, "connections", 64, "keep-alive connections")
	set.DurationVar(&o.duration, "duration", 10*time.Second, "length of each phase")
	set.IntVar(&o.rounds, "rounds", 2, "how often the phases are repeated")
	set.StringVar(&o.bodySize, "body", "small", "body of a webhook: small (1.6 KB) or large (3.5 KB)")
	set.Uint64Var(&o.settled, "settled", 100_000, "events told first, by which Redis's memory is measured")
	set.Uint64Var(&o.distinct, "distinct", 10_000, "how many different events the repeats repeat")
	set.DurationVar(&o.storm, "storm", time.Minute, "length of the storm of repeats under which memory is watched")
	set.Int64Var(&o.events, "events", 0, "also measure first deliveries with this many events in the tables, such as 10000000")
	set.BoolVar(&o.short, "short", false, "a quick look: one round of short phases; writes no document")
	set.BoolVar(&o.strict, "strict", false, "fail when a bar is missed")
	set.StringVar(&o.doc, "doc", "", "Markdown file to write the results to")
	set.StringVar(&o.logs, "logs", "dist/bench", "folder for the log files")
	set.StringVar(&o.profile, "profile", "", "file for a CPU profile of the gateway, such as cmd/dedupgate/gateway.pgo")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if o.short {
		o.duration, o.rounds, o.settled, o.storm, o.doc = 3*time.Second, 1, 20_000, 8*time.Second, ""
	}
	var err error
	if o.body, err = load.Body(o.bodySize); err != nil {
		return o, fmt.Errorf("-body: %w", err)
	}
	return o, o.validate(set.NArg())
}

func (o *options) validate(rest int) error {
	switch {
	case rest > 0:
		return errors.New("only flags are understood; see -help")
	case o.gateway == "":
		return errors.New("-gateway: give the binary to measure, or run `make bench`")
	case o.connections < 1 || o.rounds < 1 || o.duration < time.Second || o.storm < time.Second:
		return errors.New("-connections and -rounds must be at least 1, -duration and -storm at least 1s")
	case o.distinct < 1 || o.settled < o.distinct:
		return errors.New("-settled must be at least -distinct, and that at least 1")
	case o.events < 0:
		return errors.New("-events can't be negative")
	}
	return nil
}

// Command dedupgate receives Apify's webhooks, lets each event through once, and keeps the record. It only reads the command
// line and wires; what it does is in internal/app and the packages below it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/dedupgate/dedupgate/internal/config"
)

// Exit codes. A command that fails, or finds something wrong, exits 1.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns the exit code.
func run(args []string, std streams) (code int) {
	defer func() {
		if end, ok := recover().(helpShown); ok {
			code = int(end)
		}
	}()
	var c cli
	parser, err := kong.New(&c, kong.Name("dedupgate"),
		kong.Description("Receives Apify's webhooks, lets each event through exactly once, and keeps the record."),
		kong.Writers(std.out, std.err), kong.Exit(func(code int) { panic(helpShown(code)) }),
		kong.Vars{"version": versionLine(build())}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(std.err, "dedupgate:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(std.err, "dedupgate: %s ('dedupgate --help' lists the commands).\n", printable(err.Error()))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once
	command.BindTo(ctx, (*context.Context)(nil))
	return report(command.Run(std), std)
}

// helpShown ends a run after --help: kong calls its Exit in the middle of parsing.
type helpShown int

func report(err error, std streams) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(std.err, "dedupgate: interrupted")
		return exitInterrupted
	case !errors.Is(err, errSaid):
		fmt.Fprintf(std.err, "dedupgate: %s\n", told(err))
	}
	return exitFailed
}

// told is an error in one line, safe for a terminal; what is wrong with a configuration keeps its lines, carets included.
func told(err error) string {
	if _, ok := errors.AsType[config.Problems](err); !ok {
		return printable(err.Error())
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// errSaid is the failure of a command that has printed all there is to say.
var errSaid = errors.New("failed")

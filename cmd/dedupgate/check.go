package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dedupgate/dedupgate/internal/app"
)

// checkCmd looks at everything that a gateway needs before it is started, or while it runs.
type checkCmd struct {
	configFlag
	Print bool `help:"Print the configuration in force, secrets masked, and end."`
}

// Help is shown by --help.
func (*checkCmd) Help() string {
	return `Checks the configuration, whether the stores can be reached and what they are set to: versions, durability
(fsync, synchronous_commit), eviction policy, rows in the DEFAULT partition, pending migrations, and whether the windows
cover the sender's retries. Changes nothing. Exits 1 when something must be mended.`
}

// Run prints one line a finding.
func (c *checkCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if c.Print {
		text, err := cfg.YAML(true)
		if err != nil {
			return err
		}
		_, err = std.out.Write(text)
		return err
	}
	failed := 0
	for _, f := range app.Check(ctx, cfg) {
		fmt.Fprintf(std.out, "%-8s %-14s %s\n", f.Level, f.About, f.Text)
		if f.Level == app.LevelError {
			failed++
		}
	}
	if failed > 0 {
		return errors.New("the check found what must be mended")
	}
	return nil
}

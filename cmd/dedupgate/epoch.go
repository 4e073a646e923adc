package main

import (
	"context"
	"fmt"

	"github.com/dedupgate/dedupgate/internal/app"
)

// epochCmd voids the marks in Redis.
type epochCmd struct {
	Bump epochBumpCmd `cmd:"" help:"Make all marks in Redis void, as the last step of restoring a database."`
}

type epochBumpCmd struct {
	configFlag
	Reason string `required:"" help:"Why; kept in the audit."`
}

// Help is shown by --help.
func (*epochBumpCmd) Help() string {
	return `A mark in Redis says that an event is in the database. After a restore that may no longer be true, and a repeat
would be taken for a duplicate of an event that is gone. The bump begins a new life of the database: gateways notice
within a second, older marks count no more, and the database is asked instead. Nothing is lost by bumping too often.`
}

// Run bumps the epoch.
func (c *epochBumpCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := app.BumpEpoch(ctx, cfg, operator(), c.Reason); err != nil {
		return err
	}
	fmt.Fprintln(std.out, "done: marks made before now count no more; running gateways notice within a second")
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/dedupgate/dedupgate/internal/app"
)

// migrateCmd changes the schema by hand; serve applies what is pending by itself.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply all pending migrations, under a lock: several at once are fine."`
	Down   migrateDownCmd   `cmd:"" help:"Undo the last migration, with everything its tables hold."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations and when each was applied."`
}

type migrateUpCmd struct{ configFlag }

// Run applies what is pending.
func (c *migrateUpCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	applied, err := app.Migrate(ctx, cfg)
	if err != nil {
		return err
	}
	for _, m := range applied {
		fmt.Fprintf(std.out, "applied %05d %s\n", m.Version, m.Name)
	}
	if len(applied) == 0 {
		fmt.Fprintln(std.out, "nothing to do: the schema is up to date")
	}
	return nil
}

type migrateDownCmd struct {
	configFlag
	Yes bool `help:"Really drop the tables of the last migration and all they hold."`
}

// Run undoes the last step.
func (c *migrateDownCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if !c.Yes {
		return errors.New("this drops the tables of the last migration and everything in them; add --yes to do it")
	}
	undone, err := app.MigrateDown(ctx, cfg)
	if err != nil {
		return err
	}
	if undone == nil {
		fmt.Fprintln(std.out, "nothing to do: no migration is applied")
		return nil
	}
	fmt.Fprintf(std.out, "undone %05d %s\n", undone.Version, undone.Name)
	return nil
}

type migrateStatusCmd struct{ configFlag }

// Run lists the steps.
func (c *migrateStatusCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	list, err := app.MigrationStatus(ctx, cfg)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tNAME\tAPPLIED")
	for _, m := range list {
		fmt.Fprintf(w, "%05d\t%s\t%s\n", m.Version, m.Name, appliedAt(m))
	}
	return w.Flush()
}

func appliedAt(m app.Migration) string {
	if m.AppliedAt.IsZero() {
		return "pending"
	}
	return m.AppliedAt.Local().Format(time.DateTime)
}

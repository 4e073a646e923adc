package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/dedupgate/dedupgate/internal/apify"
	"github.com/dedupgate/dedupgate/internal/app"
)

// doctorCmd looks at the other ends.
type doctorCmd struct {
	Apify doctorApifyCmd `cmd:"" help:"Ask Apify for its webhooks, and say what is wrong with those that point here."`
}

type doctorApifyCmd struct {
	configFlag
	JSON bool `name:"json" help:"One JSON object a finding."`
}

// Help is shown by --help.
func (*doctorApifyCmd) Help() string {
	return `Looks at all webhooks of the account whose URL leads to http.public_url: whether they are switched on and show a token
that the source takes, whether their payload templates keep what tells events apart, and whether two of them tell the same events.
Only reads. Needs apify.token and http.public_url. Exits 1 when events are lost or let through twice as things are.`
}

// Run prints one line a finding.
func (c *doctorApifyCmd) Run(ctx context.Context, std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	found, err := app.DoctorApify(ctx, cfg, build())
	if err != nil {
		return err
	}
	failed := false
	for i := range found {
		f := &found[i]
		failed = failed || f.Level == apify.LevelError
		if c.JSON {
			if err := printJSON(std.out, f); err != nil {
				return err
			}
			continue
		}
		about := cmp.Or(f.Webhook, f.Source, "account")
		fmt.Fprintf(std.out, "%-8s %-18s %s\n", f.Level, printable(about), printable(f.Text))
	}
	if failed {
		return errSaid
	}
	return nil
}

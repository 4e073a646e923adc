package app

import (
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// doubt says by what an event is looked up at Apify, and whether it is held until then. What was found by asking Apify is not
// looked up.
func (a *App) doubt(in *dedup.Inbound) (by delivery.Lookup, held bool) {
	c := a.asked(in.Key.Source, in.Via)
	if c == nil {
		return delivery.LookupNone, false
	}
	return lookupOf(c), c.Hold
}

// holds says whether an event's deliveries wait for that.
func (a *App) holds(e delivery.Event) bool {
	c := a.asked(e.Source, e.Via)
	return c != nil && c.Hold && lookupOf(c) != delivery.LookupNone
}

// asked is the source whose events Apify can be asked about, nil when it can't or need not be.
func (a *App) asked(name string, via dedup.Via) *config.Source {
	cfg := a.watcher.Current()
	if cfg.Apify.Token == "" || via == dedup.ViaReconciled {
		return nil
	}
	sources := cfg.Sources
	for i := range sources {
		if sources[i].Name == name {
			return &sources[i]
		}
	}
	return nil
}

func lookupOf(c *config.Source) delivery.Lookup {
	switch c.Verify {
	case config.VerifyDispatch:
		return delivery.LookupDispatch
	case config.VerifyRun:
		return delivery.LookupRun
	default:
		return delivery.LookupNone
	}
}

package app

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// buildDestinations makes what the forwarder works with out of what was configured.
func buildDestinations(cfg *config.Config) ([]*delivery.Destination, error) {
	all := make([]*delivery.Destination, len(cfg.Destinations))
	for i := range cfg.Destinations {
		built, err := buildDestination(&cfg.Destinations[i])
		if err != nil {
			return nil, fmt.Errorf("destination %q: %w", cfg.Destinations[i].Name, err)
		}
		all[i] = built
	}
	return all, nil
}

func buildDestination(c *config.Destination) (*delivery.Destination, error) {
	target, err := url.Parse(c.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("read the URL: %w", err)
	}
	d := &delivery.Destination{
		Name: c.Name, URL: target, Secrets: c.SigningSecrets(), Timeout: time.Duration(c.Timeout),
		Retry: delivery.Retry{
			Attempts: c.Retry.Attempts, First: time.Duration(c.Retry.First), Factor: float64(c.Retry.Factor), Max: time.Duration(c.Retry.Max),
		},
		Concurrency: c.Concurrency, Rate: float64(c.Rate), Headers: make(map[string]string, len(c.Headers)),
		Sources: c.Sources, EventTypes: c.EventTypes, Late: c.Late, Test: c.Test, Ordered: c.Ordered, AllowHTTP: c.AllowHTTP,
	}
	for _, h := range c.Headers {
		d.Headers[h.Name] = h.Value.Reveal()
	}
	for _, text := range c.AllowPrivateCIDRs {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("read allow_private_cidrs: %w", err)
		}
		d.AllowPrivate = append(d.AllowPrivate, network.Masked())
	}
	return d, nil
}

func destinationNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Destinations))
	for i := range cfg.Destinations {
		names[i] = cfg.Destinations[i].Name
	}
	return names
}

// checkDestinations says of which sources no event goes anywhere.
func checkDestinations(cfg *config.Config) []Finding {
	if len(cfg.Destinations) == 0 {
		return []Finding{{LevelWarning, "destinations", "none is configured: events are kept and go nowhere. " +
			"Add one under destinations; dedupgate replay --missing then sends what came in before"}}
	}
	findings := []Finding{{LevelOK, "destinations", fmt.Sprintf("%d configured", len(cfg.Destinations))}}
	for _, s := range cfg.Sources {
		if !fed(cfg, s.Name) {
			findings = append(findings, Finding{
				LevelWarning, "destinations",
				fmt.Sprintf("no destination takes events of source %s: they are kept and go nowhere", s.Name),
			})
		}
	}
	return findings
}

// fed reports whether any destination takes events of the source.
func fed(cfg *config.Config, source string) bool {
	for i := range cfg.Destinations {
		if d := &cfg.Destinations[i]; len(d.Sources) == 0 || slices.Contains(d.Sources, source) {
			return true
		}
	}
	return false
}

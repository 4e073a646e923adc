package app

import (
	"fmt"
	"sync/atomic"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// sources is the registry of configured senders, swapped whole at a reload: a request sees the old set or the new one.
type sources struct {
	byName atomic.Pointer[map[string]*source.Source]
}

// Lookup finds a source by its configured name.
func (s *sources) Lookup(name string) (*source.Source, bool) {
	found, ok := (*s.byName.Load())[name]
	return found, ok
}

// set replaces all sources. The made token serves the default source of the embedded mode, which has none configured.
func (s *sources) set(cfg *config.Config, made string) error {
	byName := make(map[string]*source.Source, len(cfg.Sources))
	for _, c := range cfg.Sources {
		built, err := buildSource(cfg, c, made)
		if err != nil {
			return err
		}
		byName[c.Name] = built
	}
	s.byName.Store(&byName)
	return nil
}

func sourceNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Sources))
	for i, s := range cfg.Sources {
		names[i] = s.Name
	}
	return names
}

func buildSource(cfg *config.Config, c config.Source, made string) (*source.Source, error) {
	opts := source.Options{
		Name: c.Name, Kind: source.Kind(c.Kind),
		WithoutGeneration: source.WithoutGeneration(c.Identity.WithoutGeneration),
		QuarantineStatus:  c.QuarantineStatus,
		ByType:            make(map[string]source.Windows, len(c.EventTypes)),
	}
	opts.Default.Window, opts.Default.Lease = cfg.Window(c, "")
	for eventType := range c.EventTypes {
		var w source.Windows
		w.Window, w.Lease = cfg.Window(c, eventType)
		opts.ByType[eventType] = w
	}
	for _, t := range c.Tokens {
		opts.Tokens = append(opts.Tokens, signature.Token(t.Digest()))
	}
	if len(opts.Tokens) == 0 && made != "" {
		opts.Tokens = []signature.Token{signature.HashToken(made)}
	}
	for _, text := range c.Identity.Keys {
		place, err := source.ParsePlace(text)
		if err != nil {
			return nil, fmt.Errorf("source %q: identity.keys: %w", c.Name, err)
		}
		opts.Keys = append(opts.Keys, place)
	}
	return source.New(opts)
}

package app

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/metrics"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// sources is the registry of configured senders, swapped whole at a reload: a request sees the old set or the new one.
type sources struct {
	byName atomic.Pointer[map[string]*source.Source]
	decoys atomic.Pointer[[]decoy]
}

// Decoy mimics one of the configured sources, so that a name that answers like a source with signatures is no sign of one.
func (s *sources) Decoy(name string) *signature.Guard {
	return imitated(*s.decoys.Load(), name)
}

// uses says when each credential of each source last let a request in.
func (s *sources) uses() []metrics.CredentialUse {
	var all []metrics.CredentialUse
	set := *s.byName.Load()
	for _, name := range slices.Sorted(maps.Keys(set)) {
		for _, u := range set[name].Guard.Uses() {
			all = append(all, metrics.CredentialUse{Source: name, Credential: u.Credential, Last: u.Last})
		}
	}
	return all
}

// Lookup finds a source by its configured name.
func (s *sources) Lookup(name string) (*source.Source, bool) {
	set := s.byName.Load()
	if set == nil {
		return nil, false
	}
	found, ok := (*set)[name]
	return found, ok
}

// set replaces all sources. The made token serves the default source of the embedded mode, which has none configured.
func (s *sources) set(cfg *config.Config, made string) error {
	byName := make(map[string]*source.Source, len(cfg.Sources))
	decoys := make([]decoy, 0, len(cfg.Sources))
	for _, c := range cfg.Sources {
		built, err := buildSource(cfg, c, made)
		if err != nil {
			return err
		}
		if old, ok := s.Lookup(c.Name); ok {
			built.Guard.Inherit(old.Guard)
		}
		byName[c.Name] = built
		decoys = append(decoys, newDecoy(built))
	}
	s.byName.Store(&byName)
	s.decoys.Store(&decoys)
	return nil
}

func sourceNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Sources))
	for i, s := range cfg.Sources {
		names[i] = s.Name
	}
	return names
}

// newGuard makes the source's guard, with the made token where it has nothing else to go by.
func newGuard(c *config.Source, made string) (*signature.Guard, error) {
	if len(c.Tokens) == 0 && len(c.Auth.Signatures) == 0 && made != "" {
		return c.Guard(signature.HashToken(made))
	}
	return c.Guard()
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
	guard, err := newGuard(&c, made)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", c.Name, err)
	}
	opts.Guard = guard
	for _, text := range c.Identity.Keys {
		place, err := source.ParsePlace(text)
		if err != nil {
			return nil, fmt.Errorf("source %q: identity.keys: %w", c.Name, err)
		}
		opts.Keys = append(opts.Keys, place)
	}
	return source.New(opts)
}

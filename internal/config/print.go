package config

import (
	"log/slog"
	"slices"

	"github.com/goccy/go-yaml"
)

// YAML is the configuration in force as a file with every key. With masked, secrets are ***; without, [Load] reads the
// file back to an equal configuration. A secret that was read from a file is never printed, only the file's name.
func (c *Config) YAML(masked bool) ([]byte, error) {
	shown := *c
	shown.Sources = slices.Clone(c.Sources)
	for i := range shown.Sources {
		s := &shown.Sources[i]
		s.Tokens, s.Auth.Signatures = slices.Clone(s.Tokens), slices.Clone(s.Auth.Signatures)
		for j := range s.Auth.Signatures {
			s.Auth.Signatures[j].Secrets = slices.Clone(s.Auth.Signatures[j].Secrets)
		}
	}
	shown.Admin.Tokens = slices.Clone(c.Admin.Tokens)
	shown.Destinations = slices.Clone(c.Destinations)
	for i := range shown.Destinations {
		d := &shown.Destinations[i]
		d.Secrets, d.Headers = slices.Clone(d.Secrets), slices.Clone(d.Headers)
	}
	for _, p := range secretPairs(&shown) {
		if p.file.String() != "" {
			p.value.SetString("")
		}
	}
	options := []yaml.EncodeOption{yaml.IndentSequence(true)}
	if !masked {
		options = append(options,
			yaml.CustomMarshaler(func(s Secret) ([]byte, error) { return yaml.Marshal(s.Reveal()) }),
			yaml.CustomMarshaler(func(u DatabaseURL) ([]byte, error) { return yaml.Marshal(u.Reveal()) }),
			yaml.CustomMarshaler(func(u TargetURL) ([]byte, error) { return yaml.Marshal(u.Reveal()) }))
	}
	return yaml.MarshalWithOptions(shown, options...)
}

// String is the configuration as YAML with its secrets masked.
func (c *Config) String() string {
	text, err := c.YAML(true)
	if err != nil {
		return "configuration that can't be printed: " + err.Error()
	}
	return string(text)
}

// LogValue is [Config.String].
func (c *Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

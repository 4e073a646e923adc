package config

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// blockRemark stands above a block that leaves a source's secrets out.
const blockRemark = "# Change only this in the source's block: the rest of it stays as it is.\n"

// WindowSetting says where the window of a source's event type ("" for those without a setting of their own) comes from:
// the key that sets it, whether that is the source's or the type's own, and the key to set to change it for just these.
func (c *Config) WindowSetting(source, eventType string) (key string, own bool) {
	i := slices.IndexFunc(c.Sources, func(s Source) bool { return s.Name == source })
	if i < 0 {
		return "dedup.window", false
	}
	path := "sources[" + source + "]"
	switch s := c.Sources[i]; {
	case eventType != "" && s.EventTypes[eventType].Window != 0:
		return path + ".event_types[" + eventType + "].window", true
	case s.Window != 0:
		return path + ".window", eventType == ""
	default:
		return "dedup.window", false
	}
}

// WindowYAML is the block of a source with another window for one of its event types, or for all for "". Tokens are shown by
// their SHA-256; a source with other secrets in clear is shown with nothing but the window. The error says what would make
// the configuration invalid.
func (c *Config) WindowYAML(source, eventType string, window time.Duration) (string, error) {
	i := slices.IndexFunc(c.Sources, func(s Source) bool { return s.Name == source })
	if i < 0 {
		return "", fmt.Errorf("source %s is not configured", quoted(source))
	}
	changed := *c
	changed.Sources = slices.Clone(c.Sources)
	s := &changed.Sources[i]
	setWindow(s, eventType, Duration(window))
	if err := changed.Validate(); err != nil {
		return "", err
	}
	shown, remark := *s, ""
	if !withoutClearText(&shown) {
		shown, remark = Source{Name: s.Name, Kind: s.Kind}, blockRemark
		setWindow(&shown, eventType, Duration(window))
	}
	withoutDefaults(&shown)
	text, err := yaml.MarshalWithOptions(map[string][]Source{"sources": {shown}}, yaml.IndentSequence(true))
	return remark + string(text), err
}

func setWindow(s *Source, eventType string, window Duration) {
	if eventType == "" {
		s.Window = window
		return
	}
	types := map[string]Override{}
	maps.Copy(types, s.EventTypes)
	o := types[eventType]
	o.Window = window
	types[eventType] = o
	s.EventTypes = types
}

// withoutClearText shows tokens by their hashes and files, and reports whether no other secret is in clear.
func withoutClearText(s *Source) bool {
	s.Tokens = slices.Clone(s.Tokens)
	for i := range s.Tokens {
		t := &s.Tokens[i]
		if t.ValueFile == "" && t.Value != "" {
			digest := t.Digest()
			t.SHA256 = hex.EncodeToString(digest[:])
		}
		t.Value = ""
	}
	s.Auth.Signatures = slices.Clone(s.Auth.Signatures)
	for i := range s.Auth.Signatures {
		signature := &s.Auth.Signatures[i]
		signature.Secrets = slices.Clone(signature.Secrets)
		for j := range signature.Secrets {
			if secret := &signature.Secrets[j]; secret.ValueFile != "" {
				secret.Value = ""
			}
		}
	}
	return !slices.ContainsFunc(s.secretPairs(""), func(p secretPair) bool { return p.value.String() != "" })
}

// withoutDefaults leaves out what [Config.complete] puts in.
func withoutDefaults(s *Source) {
	if s.QuarantineStatus == 200 {
		s.QuarantineStatus = 0
	}
	if s.Identity.WithoutGeneration == WithoutGenerationDispatch {
		s.Identity.WithoutGeneration = ""
	}
}

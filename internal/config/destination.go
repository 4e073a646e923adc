package config

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// Destination is one configured receiver of events.
type Destination struct {
	// Name in the API, in logs and metrics; lower-case letters and digits in words joined by hyphens, at most 32
	// characters. Deliveries keep it: a renamed destination is another one. Required.
	Name string `yaml:"name" validate:"destination_name"`
	// Address that events are sent to with POST, https://…; http:// only with `allow_http`. Required.
	URL TargetURL `yaml:"url" validate:"target_url"`
	// Secret that signs each request as Standard Webhooks describe it: whsec_ and the base64 of 24 to 64 random bytes.
	// Default empty.
	Secret Secret `yaml:"secret,omitempty" validate:"omitempty,signing_secret"`
	// File that holds the secret, instead of `secret`. Default empty.
	SecretFile string `yaml:"secret_file,omitempty"`
	// Two secrets while one is being replaced, instead of `secret`: each request is then signed with both. Default none.
	Secrets []SigningSecret `yaml:"secrets,omitempty" validate:"max=2,dive"`
	// Longest time of one attempt, from the connection to the end of the answer. Default 15s.
	Timeout Duration `yaml:"timeout" validate:"min=100ms,max=5m"`
	// When an attempt that failed is made again.
	Retry Retry `yaml:"retry"`
	// Most attempts under way at once, in each gateway. Default 16.
	Concurrency int `yaml:"concurrency" validate:"min=1,max=1000"`
	// Most attempts a second, in each gateway; 0: as many as come. Default 0.
	Rate Number `yaml:"rate" validate:"max=100000"`
	// Headers that go along with each request. Default none.
	Headers []Header `yaml:"headers,omitempty" validate:"max=32,dive"`
	// Names of the sources whose events go here; none: all sources. Default none.
	Sources []string `yaml:"sources,omitempty" validate:"max=1000"`
	// Types of events that go here, `*` for any text: ACTOR.RUN.*; none: all types. Default none.
	EventTypes []string `yaml:"event_types,omitempty" validate:"max=100"`
	// Whether late events go here too: those that are older than the status their run has already. Default true.
	Late bool `yaml:"late"`
	// Whether TEST events go here too. Default false.
	Test bool `yaml:"test"`
	// Whether an event waits until the earlier ones of its run have arrived or are dead. Default false.
	Ordered bool `yaml:"ordered"`
	// Whether the URL may be http, which anybody on the way can read; always so in embedded mode. Default false.
	AllowHTTP bool `yaml:"allow_http"`
	// Networks (CIDR) that may be sent to although they are not public. In embedded mode this machine, 127.0.0.0/8 and
	// ::1/128, always may. Default none.
	AllowPrivateCIDRs []string `yaml:"allow_private_cidrs,omitempty" validate:"max=64,dive,cidr"`
}

// SigningSecret is one of two secrets: exactly one of the two keys.
type SigningSecret struct {
	// The secret itself. Default empty.
	Value Secret `yaml:"value,omitempty" validate:"omitempty,signing_secret"`
	// File that holds the secret. Default empty.
	ValueFile string `yaml:"value_file,omitempty"`
}

// Retry is when an attempt that failed is made again.
type Retry struct {
	// Attempts after which an event is dead for this destination, the first one included. Default 12.
	Attempts int `yaml:"attempts" validate:"min=1,max=100"`
	// Wait after the first attempt that failed; a fifth more or less, so that what failed together does not come back
	// together. Default 5s.
	First Duration `yaml:"first" validate:"min=100ms,max=24h"`
	// How many times longer each further wait is. Default 3.
	Factor Number `yaml:"factor" validate:"min=1,max=10"`
	// Longest wait. Default 6h.
	Max Duration `yaml:"max" validate:"min=100ms,max=168h"`
}

// Header goes along with each request: exactly one of value and value_file.
type Header struct {
	// Name of the header, such as Authorization. Required.
	Name string `yaml:"name" validate:"header_name"`
	// Its value, masked wherever the configuration is shown. Default empty.
	Value Secret `yaml:"value,omitempty" validate:"header_value"`
	// File that holds the value. Default empty.
	ValueFile string `yaml:"value_file,omitempty"`
}

// setDefaults is what a destination is before its keys are read.
func (d *Destination) setDefaults() {
	*d = Destination{
		Timeout:     Duration(15 * time.Second),
		Retry:       Retry{Attempts: 12, First: Duration(5 * time.Second), Factor: 3, Max: Duration(6 * time.Hour)},
		Concurrency: 16,
		Late:        true,
	}
}

// complete lets a destination of the embedded mode be on this machine.
func (d *Destination) complete(embedded bool) {
	if !embedded {
		return
	}
	d.AllowHTTP = true
	for _, network := range loopbacks() {
		if !slices.Contains(d.AllowPrivateCIDRs, network) {
			d.AllowPrivateCIDRs = append(d.AllowPrivateCIDRs, network)
		}
	}
}

// loopbacks are what a destination of the embedded mode may always dial.
func loopbacks() []string { return []string{"127.0.0.0/8", "::1/128"} }

// SigningSecrets are the secrets as raw bytes, one or two.
func (d *Destination) SigningSecrets() [][]byte {
	all := make([]Secret, 0, 2)
	if d.Secret != "" {
		all = append(all, d.Secret)
	}
	for _, s := range d.Secrets {
		all = append(all, s.Value)
	}
	raw := make([][]byte, 0, len(all))
	for _, s := range all {
		if bytes, ok := signingBytes(s.Reveal()); ok {
			raw = append(raw, bytes)
		}
	}
	return raw
}

const signingPrefix = "whsec_"

// signingBytes reads a secret in the form of Standard Webhooks.
func signingBytes(text string) ([]byte, bool) {
	encoded, found := strings.CutPrefix(text, signingPrefix)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	return raw, found && err == nil && len(raw) >= 24 && len(raw) <= 64
}

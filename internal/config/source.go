package config

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// The kinds of sources.
const (
	KindApify   = string(source.Apify)
	KindGeneric = string(source.Generic)
)

// What [Identity.WithoutGeneration] can be.
const (
	WithoutGenerationDispatch = string(source.ByDispatch)
	WithoutGenerationSingle   = string(source.Single)
)

// DefaultSource is the name of the source that exists in embedded mode when none is configured. It alone may be without
// tokens: the gateway then makes one on first start.
const DefaultSource = "apify"

// Source is one configured sender.
type Source struct {
	// Name in the webhook's URL, in logs and metrics; lower-case letters, digits and hyphens, at most 32. Required.
	Name string `yaml:"name" validate:"source_name"`
	// Who sends: `apify`, or `generic` for any sender whose requests carry an identity. Required.
	Kind string `yaml:"kind" validate:"oneof=apify generic"`
	// Tokens that the sender may show; several while a token is being replaced, none only if the sender signs. Required.
	Tokens []Token `yaml:"tokens,omitempty" validate:"max=16,dive"`
	// What requests must show beside, or instead of, a token.
	Auth Auth `yaml:"auth,omitempty"`
	// Most deliveries of this source that need the database. Default that of `limits.source`.
	Limit string `yaml:"limit,omitempty" validate:"omitempty,rate"`
	// How long Redis remembers this source's committed events. Default that of `dedup.window`.
	Window Duration `yaml:"window,omitempty" validate:"omitempty,min=1s,max=8784h"`
	// How long Redis remembers this source's uncommitted requests. Default that of `dedup.lease`.
	Lease Duration `yaml:"lease,omitempty" validate:"omitempty,min=10ms,max=1h"`
	// Window and lease of single event types, by the type's name. Default none.
	EventTypes map[string]Override `yaml:"event_types,omitempty" validate:"dive"`
	// What makes two requests of this source the same event.
	Identity Identity `yaml:"identity,omitempty"`
	// Status that answers a request which can't be read and is quarantined: 200, 400 or 422. Anything but 200 makes
	// Apify send it eleven times more. Default 200.
	QuarantineStatus int `yaml:"quarantine_status,omitempty" validate:"oneof=200 400 422"`
	// Kind apify, with `apify.token`: what Apify is asked for: `dispatches`: events that a webhook has told in vain; `runs`:
	// also ends that no webhook has told, of the Actors and tasks that this source's webhooks name, switched-off ones
	// included; `off`: nothing. Default dispatches.
	Reconcile string `yaml:"reconcile,omitempty" validate:"omitempty,oneof=off dispatches runs"`
	// With `reconcile: runs`: further Actors and tasks whose ends are looked for, as `actor:<id>` or `task:<id>`. Default
	// none.
	ReconcileAlso []string `yaml:"reconcile_also,omitempty" validate:"max=100,dive,reconcile_also"`
	// Kind apify, with `apify.token`: what is looked up at Apify after the answer: `dispatch`, the one that the request's
	// header names; `run`, the run or build whose id and event type its body tells, which believes the rest of the body; or
	// `off`. What Apify does not know is marked unverified. Default off.
	Verify string `yaml:"verify,omitempty" validate:"omitempty,oneof=off dispatch run"`
	// With `verify`: whether deliveries are held until Apify has confirmed their event; those of an unverified one stay
	// held. Meanwhile each further request for the event is looked up too, and the one that is confirmed is handed on. Default
	// false.
	Hold bool `yaml:"hold,omitempty"`
}

// Token is one token of a source: exactly one of the three keys.
type Token struct {
	// SHA-256 of the token, 64 hexadecimal digits; keeps the token out of this file. Default empty.
	SHA256 string `yaml:"sha256,omitempty" validate:"omitempty,len=64,hexadecimal"`
	// The token itself. Default empty.
	Value Secret `yaml:"value,omitempty"`
	// File that holds the token. Default empty.
	ValueFile string `yaml:"value_file,omitempty"`
}

// Override changes window and lease for one event type.
type Override struct {
	// How long Redis remembers committed events of this type. Default that of the source.
	Window Duration `yaml:"window,omitempty" validate:"omitempty,min=1s,max=8784h"`
	// How long Redis remembers uncommitted requests of this type. Default that of the source.
	Lease Duration `yaml:"lease,omitempty" validate:"omitempty,min=10ms,max=1h"`
}

// Identity is what makes two requests the same event.
type Identity struct {
	// Kind apify: how runs are told apart whose body lacks the end time: `dispatch` lets retries fold but not twins,
	// `single` knows one event per run and type. Default dispatch.
	WithoutGeneration string `yaml:"without_generation,omitempty" validate:"omitempty,oneof=dispatch single"`
	// Kind generic, required there: places whose values together name the event, `header:X-GitHub-Delivery`,
	// `body:data.id` or `query:id`; or `body:sha256` alone. Default none.
	Keys []string `yaml:"keys,omitempty" validate:"max=16"`
}

// Window is how long a committed and an uncommitted event of this type are remembered for this source: the event type's
// own, else the source's, else that of all.
func (c *Config) Window(s Source, eventType string) (window, lease time.Duration) {
	window, lease = time.Duration(c.Dedup.Window), time.Duration(c.Dedup.Lease)
	for _, o := range []Override{{Window: s.Window, Lease: s.Lease}, s.EventTypes[eventType]} {
		if o.Window != 0 {
			window = time.Duration(o.Window)
		}
		if o.Lease != 0 {
			lease = time.Duration(o.Lease)
		}
	}
	return window, lease
}

// longestWindow is the longest time for which Redis may remember any event.
func (c *Config) longestWindow() Duration {
	longest := c.Dedup.Window
	for _, s := range c.Sources {
		longest = max(longest, s.Window)
		for _, o := range s.EventTypes {
			longest = max(longest, o.Window)
		}
	}
	return longest
}

// Digest is the token's SHA-256, however the token was given. It is zero for an empty or invalid token.
func (t Token) Digest() [sha256.Size]byte {
	if t.Value != "" {
		return signature.HashToken(t.Value.Reveal())
	}
	hash, _ := signature.ParseHash(t.SHA256) // validated
	return hash
}

// isPlaceholder reports whether the token is the all-zero digest of the example file, which nothing hashes to.
func (t Token) isPlaceholder() bool {
	return t.SHA256 != "" && strings.Trim(t.SHA256, "0") == ""
}

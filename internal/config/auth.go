package config

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// What [Auth.Require] can be.
const (
	RequireAll    = "all"
	RequireEither = "either"
)

// The schemes of a [Signature].
const (
	SchemeHMAC     = "hmac"
	SchemeStandard = "standard"
)

// Auth is what a source's requests must show beside, or instead of, a token.
type Auth struct {
	// Header that holds the token, as a further place beside `?token=` and `Authorization: Bearer`. Default empty.
	TokenHeader string `yaml:"token_header,omitempty" validate:"omitempty,header_name"`
	// Ways in which the sender signs; one of them must be right. Default none.
	Signatures []Signature `yaml:"signatures,omitempty" validate:"max=4,dive"`
	// Where tokens and signatures are configured: `all` wants both, `either` is content with one. Default all.
	Require string `yaml:"require,omitempty" validate:"omitempty,oneof=all either"`
	// Networks (CIDR) that requests may come from; none: all. Behind a proxy it has to be one of `http.trusted_proxies`.
	// Default none.
	Networks []string `yaml:"networks,omitempty" validate:"max=256,dive,cidr"`
}

// Signature is one way of signing.
type Signature struct {
	// `hmac` for a signature over the body as GitHub, Shopify or Slack make it, `standard` for Standard Webhooks. Required.
	Scheme string `yaml:"scheme" validate:"oneof=hmac standard"`
	// Secrets that the sender may sign with; several while one is being replaced. Required.
	Secrets []SharedSecret `yaml:"secrets" validate:"max=16,dive"`
	// Longest time between the signed time and this machine's; later repeats are refused, honest ones too. 0: any. Default 5m.
	Tolerance Duration `yaml:"tolerance" validate:"max=8784h"`
	// Scheme hmac, required there: header that holds the signature. Default empty.
	Header string `yaml:"header,omitempty" validate:"omitempty,header_name"`
	// Scheme hmac: `sha1`, `sha256` or `sha512`. Default sha256.
	Hash string `yaml:"hash,omitempty" validate:"omitempty,oneof=sha1 sha256 sha512"`
	// Scheme hmac: `hex` or `base64`. Default hex.
	Encoding string `yaml:"encoding,omitempty" validate:"omitempty,oneof=hex base64"`
	// Scheme hmac: text in front of the signature. Default empty.
	Prefix string `yaml:"prefix,omitempty"`
	// Scheme hmac: header with the time of signing in Unix seconds, where the sender signs one. Default empty.
	TimestampHeader string `yaml:"timestamp_header,omitempty" validate:"omitempty,header_name"`
	// Scheme hmac: what is signed, with {body} and, if there is a `timestamp_header`, {timestamp} in it. Default {body}.
	Content string `yaml:"content,omitempty"`
}

// SharedSecret is one secret that both sides know: exactly one of the two keys.
type SharedSecret struct {
	// The secret itself. Default empty.
	Value Secret `yaml:"value,omitempty"`
	// File that holds the secret. Default empty.
	ValueFile string `yaml:"value_file,omitempty"`
}

// AdminToken opens what its role allows: exactly one of sha256, token and token_file.
type AdminToken struct {
	// Who uses it: shown in the audit. Required.
	Name string `yaml:"name" validate:"required,max=64"`
	// `read` sees everything but secrets, `operate` also replays, retries, cancels and pauses, `admin` may do everything.
	// Required.
	Role string `yaml:"role" validate:"oneof=read operate admin"`
	// SHA-256 of the token, 64 hexadecimal digits; keeps the token out of this file. Default empty.
	SHA256 string `yaml:"sha256,omitempty" validate:"omitempty,len=64,hexadecimal"`
	// The token itself. Default empty.
	Token Secret `yaml:"token,omitempty"`
	// File that holds the token. Default empty.
	TokenFile string `yaml:"token_file,omitempty"`
}

// Limits keep a storm from taking everything. A known duplicate is never refused for a rate.
type Limits struct {
	// Most webhooks of known senders being read or decided at the same time; one more is answered 503 at once. Default 8192.
	InFlight int `yaml:"in_flight" validate:"min=1,max=1000000" reload:"yes"`
	// Most signed bodies being read at the same time: who has sent them is not known before. One more, or more than a quarter
	// of them from one address, is answered 503 at once, as are large ones that together are longer than four times
	// `http.max_body`. Default 256.
	Unproven int `yaml:"unproven" validate:"min=1,max=1000000" reload:"yes"`
	// Most deliveries of one source that need the database, over all gateways: a count and a unit, as 50/s, 600/m or
	// 10000/h, all at once if need be; `off`: no limit. More is answered 429. Default off.
	Source string `yaml:"source" validate:"rate" reload:"yes"`
	// The same for one client address. Apify sends everything from ten addresses: this is for other senders. Default off.
	Client string `yaml:"client" validate:"rate" reload:"yes"`
	// Most requests with a bad token or signature, or a body that ends before its signature can be checked, from one address, in
	// each gateway; then such requests are answered 429 instead of 401. A good token is never refused for it. Default 60/m.
	FailedAuth string `yaml:"failed_auth" validate:"rate" reload:"yes"`
	// Most repeats of one run or one dispatch; more is a storm, as are fifty times as many of one source. A storm is shown,
	// counted and logged, and answered like everything else. Default 100/m.
	Storm string `yaml:"storm" validate:"rate" reload:"yes"`
}

// Quota is a rate of the configuration; validated, so that there is none that can't be read.
func Quota(text string) quota.Quota {
	q, _ := quota.Parse(text)
	return q
}

// Quota is the source's own limit, or that of all.
func (c *Config) Quota(s *Source) quota.Quota {
	if s.Limit != "" {
		return Quota(s.Limit)
	}
	return Quota(c.Limits.Source)
}

// Guard makes what checks the source's requests. Tokens that were made elsewhere are added to the configured ones.
func (s *Source) Guard(made ...signature.Token) (*signature.Guard, error) {
	o := signature.GuardOptions{Tokens: made, TokenHeader: s.Auth.TokenHeader, Either: s.Auth.Require == RequireEither}
	for _, t := range s.Tokens {
		o.Tokens = append(o.Tokens, t.Digest())
	}
	for i := range s.Auth.Signatures {
		scheme, err := s.Auth.Signatures[i].scheme()
		if err != nil {
			return nil, err
		}
		o.Schemes = append(o.Schemes, scheme)
	}
	for _, text := range s.Auth.Networks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		o.Networks = append(o.Networks, p.Masked())
	}
	return signature.NewGuard(o)
}

// setDefaults is what a signature is before its keys are read. The tolerance is the one that Standard Webhooks recommend.
func (s *Signature) setDefaults() { *s = Signature{Tolerance: Duration(5 * time.Minute)} }

// signs reports whether the signature covers what stands in a place of [Identity.Keys]; of the headers only those that are
// signed with the body. The one that holds the signature is not: text can be put beside a right signature in it.
func (s *Signature) signs(place string) bool {
	in, name, _ := strings.Cut(place, ":")
	header := http.CanonicalHeaderKey(name)
	switch {
	case in == "body":
		return true
	case in != "header":
		return false
	case s.Scheme == SchemeStandard:
		return header == "Webhook-Id" || header == "Webhook-Timestamp"
	default:
		return header == http.CanonicalHeaderKey(s.TimestampHeader)
	}
}

func (s *Signature) scheme() (signature.Scheme, error) {
	tolerance := time.Duration(s.Tolerance)
	secrets := make([]string, len(s.Secrets))
	for i, secret := range s.Secrets {
		secrets[i] = secret.Value.Reveal()
	}
	if s.Scheme == SchemeStandard {
		return signature.NewStandard(secrets, tolerance)
	}
	return signature.NewHMAC(signature.HMACOptions{
		Hash: s.Hash, Header: s.Header, Encoding: s.Encoding, Prefix: s.Prefix, Secrets: secrets,
		TimestampHeader: s.TimestampHeader, Content: s.Content, Tolerance: tolerance,
	})
}

// AccessTokens are the configured tokens of operators, admin.token included; none when the gateway has to make one.
func (a *Admin) AccessTokens() []access.Token {
	var all []access.Token
	if a.Token != "" {
		all = append(all, access.Token{Name: "admin", Role: access.Admin, Hash: signature.HashToken(a.Token.Reveal())})
	}
	for _, t := range a.Tokens {
		role, _ := access.ParseRole(t.Role) // validated
		all = append(all, access.Token{Name: t.Name, Role: role, Hash: Token{SHA256: t.SHA256, Value: t.Token}.Digest()})
	}
	return all
}

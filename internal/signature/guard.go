package signature

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

// GuardOptions say what a source's requests must show. At least one token or scheme is needed.
type GuardOptions struct {
	Tokens      []Token // any of them opens; several while one is being replaced
	TokenHeader string  // a further place for the token, in any case; "" for none
	Schemes     []Scheme
	// Either lets a right token or a right signature open alone. Otherwise both are needed where both are configured.
	Either   bool
	Networks []netip.Prefix // whence requests may come; none: from anywhere
}

// Guard decides whether a request comes from its source. It first looks at what comes before the body, so that a body
// is only read from who may be the source. Safe for concurrent use.
type Guard struct {
	opts  GuardOptions
	uses  []use
	first []int // per scheme: where its secrets begin among uses
}

// use remembers when a credential last opened.
type use struct {
	identity Token
	name     string
	at       *atomic.Int64 // Unix nanoseconds, 0: never
}

// Use says when a credential was last used, since the start of the process.
type Use struct {
	Credential string    // recognisable, but nothing that could be shown: "token sha256:0a1b2c3d…", "X-Hub-Signature-256 secret 2"
	Last       time.Time // zero: never
}

// NewGuard makes a guard.
func NewGuard(o GuardOptions) (*Guard, error) {
	if len(o.Tokens) == 0 && len(o.Schemes) == 0 {
		return nil, errors.New("tokens: at least one, or a signature, is needed")
	}
	o.TokenHeader = http.CanonicalHeaderKey(o.TokenHeader)
	g := &Guard{opts: o}
	for _, t := range o.Tokens {
		g.uses = append(g.uses, use{t, "token " + t.String(), new(atomic.Int64)})
	}
	for _, s := range o.Schemes {
		g.first = append(g.first, len(g.uses))
		for i, identity := range s.identities() {
			g.uses = append(g.uses, use{identity, s.label(i), new(atomic.Int64)})
		}
	}
	return g, nil
}

// Inherit takes over when the credentials of an earlier configuration were used. Call it before the guard is in use.
func (g *Guard) Inherit(old *Guard) {
	for i := range g.uses {
		for _, u := range old.uses {
			if u.identity == g.uses[i].identity {
				g.uses[i].at = u.at
			}
		}
	}
}

// Uses lists the credentials, tokens first, in the order of the configuration.
func (g *Guard) Uses() []Use {
	all := make([]Use, len(g.uses))
	for i, u := range g.uses {
		all[i].Credential = u.name
		if at := u.at.Load(); at != 0 {
			all[i].Last = time.Unix(0, at).UTC()
		}
	}
	return all
}

// Fingerprint tells apart guards with other credentials. Nobody can know it who does not know, of each of them, at least its
// SHA-256.
func (g *Guard) Fingerprint() [sha256.Size]byte {
	sum := sha256.New()
	for _, u := range g.uses {
		sum.Write(u.identity[:])
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// Decoy is a guard that asks for the same things, does the same work and lets nobody in.
func (g *Guard) Decoy() *Guard {
	o := g.opts
	o.Tokens, o.Schemes = make([]Token, len(g.opts.Tokens)), make([]Scheme, len(g.opts.Schemes))
	for i := range o.Tokens {
		o.Tokens[i] = HashToken(NewToken())
	}
	for i, s := range g.opts.Schemes {
		o.Schemes[i] = s.decoy()
	}
	return &Guard{opts: o, first: g.first}
}

// Visit is a request whose head was looked at.
type Visit struct {
	guard *Guard
	token int  // which was shown, -1 for none
	prove bool // whether a signature must be right
}

// Look judges a request by what comes before its body. An error is why it is refused: ErrAddress, ErrNoToken,
// ErrWrongToken, ErrNoSignature.
func (g *Guard) Look(query url.Values, header http.Header, from netip.Addr) (Visit, error) {
	given := g.token(query, header)
	token, right := Verify(given, g.opts.Tokens)
	v := Visit{guard: g, token: token}
	if !right {
		v.token = -1
	}
	signed := slices.ContainsFunc(g.opts.Schemes, func(s Scheme) bool { return s.Shown(header) })
	switch {
	case !g.allows(from):
		return v, ErrAddress
	case right && (g.opts.Either || len(g.opts.Schemes) == 0):
		return v, nil
	case !right && len(g.opts.Tokens) > 0 && (!g.opts.Either || !signed):
		if given == "" {
			return v, ErrNoToken
		}
		return v, ErrWrongToken
	case !signed:
		return v, ErrNoSignature
	}
	v.prove = true
	return v, nil
}

// NeedsBody reports whether the body is part of the proof.
func (v Visit) NeedsBody() bool { return v.prove }

// Prove ends the visit with the body, which is looked at only if needed, and notes which credentials were used. Errors:
// those of [Scheme.Verify].
func (v Visit) Prove(header http.Header, body []byte, now time.Time) error {
	if v.prove {
		at, err := v.guard.verify(header, body, now)
		if err != nil {
			return err
		}
		v.guard.note(at, now)
	}
	if v.token >= 0 {
		v.guard.note(v.token, now)
	}
	return nil
}

// verify gives the index among uses of the secret that signed.
func (g *Guard) verify(header http.Header, body []byte, now time.Time) (int, error) {
	cause := ErrNoSignature
	for i, s := range g.opts.Schemes {
		if !s.Shown(header) {
			continue
		}
		at, err := s.Verify(header, body, now)
		if err == nil {
			return g.first[i] + at, nil
		}
		cause = err
	}
	return 0, cause
}

func (g *Guard) note(i int, now time.Time) {
	if i < len(g.uses) {
		g.uses[i].at.Store(now.UnixNano())
	}
}

func (g *Guard) token(query url.Values, header http.Header) string {
	if g.opts.TokenHeader != "" {
		if given, used := single(header[g.opts.TokenHeader]); used {
			if len(given) > MaxToken {
				return ""
			}
			return given
		}
	}
	return FromRequest(query, header)
}

func (g *Guard) allows(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	return len(g.opts.Networks) == 0 ||
		slices.ContainsFunc(g.opts.Networks, func(p netip.Prefix) bool { return p.Contains(from) })
}

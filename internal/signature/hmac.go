package signature

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what senders sign with is theirs to choose; HMAC-SHA1 is not broken
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The hashes and encodings of [HMACOptions].
const (
	SHA1   = "sha1"
	SHA256 = "sha256"
	SHA512 = "sha512"

	Hex    = "hex"    // lower case
	Base64 = "base64" // the standard alphabet, padded
)

// The parts of [HMACOptions.Content].
const (
	bodyPart = "{body}"
	timePart = "{timestamp}"
)

// HMACOptions describe how a sender signs with a shared secret. Header and Secrets are required.
type HMACOptions struct {
	Hash     string // SHA256 when empty
	Header   string // holds the signature; several are separated by commas or stand in several lines
	Encoding string // Hex when empty
	Prefix   string // in front of each signature, such as "sha256="
	Secrets  []string

	// TimestampHeader holds the time of signing in Unix seconds, when the sender signs one; Content then says how it is
	// signed, with {timestamp} and {body} in it. Content is {body} when empty.
	TimestampHeader string
	Content         string
	Tolerance       time.Duration // between the signed time and ours; 0: any
}

type hmacScheme struct {
	opts    HMACOptions
	hash    func() hash.Hash
	encode  func([]byte) string
	before  []string // what is signed before the body, the timestamp between each two
	after   []string // and after it
	secrets [][]byte
}

// NewHMAC checks the options. The error names what is wrong and holds no secret.
func NewHMAC(o HMACOptions) (Scheme, error) {
	if o.Hash == "" {
		o.Hash = SHA256
	}
	if o.Encoding == "" {
		o.Encoding = Hex
	}
	if o.Content == "" {
		o.Content = bodyPart
	}
	o.Header, o.TimestampHeader = http.CanonicalHeaderKey(o.Header), http.CanonicalHeaderKey(o.TimestampHeader)
	s := &hmacScheme{
		opts:   o,
		hash:   map[string]func() hash.Hash{SHA1: sha1.New, SHA256: sha256.New, SHA512: sha512.New}[o.Hash],
		encode: map[string]func([]byte) string{Hex: hex.EncodeToString, Base64: base64.StdEncoding.EncodeToString}[o.Encoding],
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	before, after, _ := strings.Cut(o.Content, bodyPart)
	s.before, s.after = strings.Split(before, timePart), strings.Split(after, timePart)
	for _, secret := range o.Secrets {
		s.secrets = append(s.secrets, []byte(secret))
	}
	s.opts.Secrets = nil // nobody prints them by accident
	return s, nil
}

func (s *hmacScheme) validate() error {
	o := &s.opts
	timed := strings.Contains(o.Content, timePart)
	switch {
	case s.hash == nil:
		return fmt.Errorf("hash: want %s, %s or %s", SHA1, SHA256, SHA512)
	case s.encode == nil:
		return fmt.Errorf("encoding: want %s or %s", Hex, Base64)
	case o.Header == "":
		return errors.New("header: name the one that holds the signature")
	case strings.Count(o.Content, bodyPart) != 1:
		return errors.New("content: {body} must stand in it once")
	case timed != (o.TimestampHeader != ""):
		return errors.New("timestamp_header and {timestamp} in content go together")
	}
	return validateSecrets(o.Secrets)
}

func validateSecrets(secrets []string) error {
	if len(secrets) == 0 || len(secrets) > MaxSecrets {
		return fmt.Errorf("secrets: want 1 to %d", MaxSecrets)
	}
	if slices.Contains(secrets, "") {
		return errors.New("secrets: one is empty")
	}
	return nil
}

// Shown implements [Scheme].
func (s *hmacScheme) Shown(h http.Header) bool { return len(h[s.opts.Header]) > 0 }

// Verify implements [Scheme]. How long it takes does not depend on which secret made a signature.
func (s *hmacScheme) Verify(h http.Header, body []byte, now time.Time) (int, error) {
	given := s.signatures(h)
	if len(given) == 0 {
		return 0, ErrNoSignature
	}
	at, signedAt := "", time.Time{}
	if s.opts.TimestampHeader != "" {
		var ok bool
		if at, ok = only(h, s.opts.TimestampHeader); ok {
			signedAt, ok = unixSeconds(at)
		}
		if !ok {
			return 0, ErrNoSignature
		}
	}
	index, match := 0, 0
	for i, secret := range s.secrets {
		want := []byte(s.sign(secret, at, body))
		for _, g := range given {
			equal := subtle.ConstantTimeCompare([]byte(g), want)
			index = subtle.ConstantTimeSelect(equal, i, index)
			match |= equal
		}
	}
	switch {
	case match == 0:
		return 0, ErrWrongSignature
	case s.opts.TimestampHeader != "" && !isFresh(signedAt, now, s.opts.Tolerance):
		return 0, ErrStale
	}
	return index, nil
}

// signatures are those of the header, without their prefix; none when there are too many.
func (s *hmacScheme) signatures(h http.Header) []string {
	var all []string
	for _, line := range h[s.opts.Header] {
		for text := range strings.SplitSeq(line, ",") {
			if given, ok := strings.CutPrefix(strings.TrimSpace(text), s.opts.Prefix); ok && given != "" {
				all = append(all, given)
			}
			if len(all) > maxSignatures {
				return nil
			}
		}
	}
	return all
}

func (s *hmacScheme) sign(secret []byte, at string, body []byte) string {
	mac := hmac.New(s.hash, secret)
	mac.Write([]byte(strings.Join(s.before, at)))
	mac.Write(body)
	mac.Write([]byte(strings.Join(s.after, at)))
	return s.encode(mac.Sum(nil))
}

func (s *hmacScheme) label(secret int) string {
	return fmt.Sprintf("%s secret %d", s.opts.Header, secret+1)
}

func (s *hmacScheme) identities() []Token { return identities(s.opts.Header, s.secrets) }

func (s *hmacScheme) decoy() Scheme {
	d := *s
	d.secrets = unknowable(len(s.secrets))
	return &d
}

func identities(scheme string, secrets [][]byte) []Token {
	all := make([]Token, len(secrets))
	for i, secret := range secrets {
		all[i] = HashToken(scheme + "\x00" + string(secret))
	}
	return all
}

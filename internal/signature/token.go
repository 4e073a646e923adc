// Package signature says whether a request comes from who its source trusts. Apify signs nothing, so what proves it is a
// token that it repeats with every request. Other senders, and relays in front of the gateway, sign: with an HMAC over the
// body ([NewHMAC]), or as Standard Webhooks say ([NewStandard]). A [Guard] puts together what one source wants to see.
//
// The package is pure: no clock, no I/O but random bytes. Beside the standard library it imports that of Standard Webhooks,
// and may be imported by anyone. It promises that tokens and signatures are compared in constant time, that signatures are
// checked over the bytes as received, that any changed byte is refused, and that no error or printed value holds a secret.
package signature

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// MaxToken is the longest token that is looked at, in bytes. Longer ones are never right.
const MaxToken = 512

// Prefix starts every token made by [NewToken], so that people and secret scanners know one when they see it.
const Prefix = "dg_"

// Token is the SHA-256 of a token: enough to recognise it, not enough to send it.
type Token [sha256.Size]byte

// HashToken hashes a token as it is, white space included.
func HashToken(token string) Token { return sha256.Sum256([]byte(token)) }

var errNotAHash = errors.New("not a token's SHA-256: want 64 hexadecimal digits")

// ParseHash reads 64 hexadecimal digits. The error does not repeat the text, which may be the token itself.
func ParseHash(text string) (Token, error) {
	var t Token
	if len(text) != hex.EncodedLen(len(t)) {
		return Token{}, errNotAHash
	}
	if _, err := hex.Decode(t[:], []byte(text)); err != nil {
		return Token{}, errNotAHash
	}
	return t, nil
}

// Hex is the hash in the form that [ParseHash] reads.
func (t Token) Hex() string { return hex.EncodeToString(t[:]) }

// String is the start of the hash: enough to tell two tokens apart in a log.
func (t Token) String() string { return "sha256:" + hex.EncodeToString(t[:4]) + "…" }

// MarshalText is [Token.String], so that loggers and encoders print no more than that.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// NewToken makes a token of 256 random bits that needs no escaping in a URL, a header, YAML or a shell.
func NewToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return Prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Verify reports which of the valid tokens was given. An empty or oversized token is none of them. How long it takes does
// not depend on which token matched, nor on how much of one did.
func Verify(given string, valid []Token) (index int, ok bool) {
	if given == "" || len(given) > MaxToken {
		return 0, false
	}
	hash, match := HashToken(given), 0
	for i := range valid {
		equal := subtle.ConstantTimeCompare(hash[:], valid[i][:])
		index = subtle.ConstantTimeSelect(equal, i, index)
		match |= equal
	}
	return index, match == 1
}

// FromRequest finds the token that a request shows: the query parameter "token", else the header "Authorization: Bearer".
// It is "" when there is none, when it is longer than [MaxToken], or when the request shows several at one place. The
// query comes first because it is ours alone: a proxy on the way may add an Authorization of its own.
func FromRequest(query url.Values, header http.Header) string {
	given, used := single(query["token"])
	if !used {
		given = bearer(header)
	}
	if len(given) > MaxToken {
		return ""
	}
	return given
}

func bearer(header http.Header) string {
	authorization, _ := single(header["Authorization"])
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// single reports whether a place is used at all, and its value if that is the only one.
func single(values []string) (value string, used bool) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", false
	case len(values) > 1:
		return "", true
	default:
		return values[0], true
	}
}

package signature

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Scheme is one way of signing requests, with the secrets of one sender. Safe for concurrent use.
type Scheme interface {
	// Shown reports whether the headers hold a signature of this scheme at all; only then is the body worth reading.
	Shown(h http.Header) bool
	// Verify checks the signatures in the headers over the body, byte for byte as received, and says which secret made
	// one of them. now is compared with the signed time, where the scheme has one. Errors: ErrNoSignature, ErrWrongSignature,
	// ErrStale.
	Verify(h http.Header, body []byte, now time.Time) (secret int, err error)

	// label names a secret for operators without telling it.
	label(secret int) string
	// identities are the hashes of the secrets, to recognise them in another configuration.
	identities() []Token
	// decoy is the same scheme with secrets that nobody knows.
	decoy() Scheme
}

// Why a request proves nothing: for the log only, senders are told the same in all cases.
var (
	ErrNoToken        = errors.New("the request shows no token, or more than one")
	ErrWrongToken     = errors.New("the token is none of the source's")
	ErrNoSignature    = errors.New("the request shows no signature, or one that can't be read")
	ErrWrongSignature = errors.New("no signature fits the body and a secret of the source")
	ErrStale          = errors.New("the signed time is too far from this machine's clock")
	ErrAddress        = errors.New("the address is in none of the source's networks")
)

const (
	// maxSignatures is how many signatures of one request are looked at: more than a rotation needs, too few to guess.
	maxSignatures = 16
	// MaxSecrets is how many secrets a scheme can have.
	MaxSecrets = 16
)

// isFresh reports whether a signed time is near enough to now. A tolerance of 0 takes any time.
func isFresh(signed, now time.Time, tolerance time.Duration) bool {
	return tolerance == 0 || now.Sub(signed).Abs() <= tolerance
}

// unixSeconds reads a time in the one form it has: whole seconds, without sign, leading zeros or anything else, so that
// no two texts mean the same time.
func unixSeconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// only is the header's value when it has exactly one; name must be canonical.
func only(h http.Header, name string) (string, bool) {
	value, _ := single(h[name])
	return value, value != ""
}

func unknowable(n int) [][]byte {
	secrets := make([][]byte, n)
	for i := range secrets {
		secrets[i] = make([]byte, 32)
		_, _ = rand.Read(secrets[i]) // documented never to fail
	}
	return secrets
}

package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// KeySize is the least size of a session key in bytes.
const KeySize = 32

// Token opens what its role allows.
type Token struct {
	Name string // who uses it, for audit and log; the start of its hash when empty
	Role Role
	Hash signature.Token
}

// Caller is somebody who has shown a token, or the session of one.
type Caller struct {
	Name string
	Role Role
	Ends time.Time // of the session; zero for a token
}

// Desk knows the tokens and opens sessions. Safe for concurrent use.
type Desk struct {
	key    []byte
	length time.Duration
	tokens atomic.Pointer[[]Token]
}

// NewDesk signs sessions with the key, which replicas share and nobody else knows. A session ends after the length.
func NewDesk(tokens []Token, key []byte, length time.Duration) (*Desk, error) {
	if len(key) < KeySize || length <= 0 {
		return nil, errors.New("access: a desk needs a session key of 32 bytes and a length of sessions")
	}
	d := &Desk{key: append([]byte(nil), key...), length: length}
	return d, d.SetTokens(tokens)
}

// SetTokens replaces the tokens. Sessions of tokens that are gone end.
func (d *Desk) SetTokens(tokens []Token) error {
	if len(tokens) == 0 {
		return errors.New("access: at least one token is needed")
	}
	set := append([]Token(nil), tokens...)
	d.tokens.Store(&set)
	return nil
}

// ByToken says whose token it is.
func (d *Desk) ByToken(given string) (Caller, bool) {
	_, c, ok := d.find(given)
	return c, ok
}

func (d *Desk) find(given string) (Token, Caller, bool) {
	tokens := *d.tokens.Load()
	hashes := make([]signature.Token, len(tokens))
	for i, t := range tokens {
		hashes[i] = t.Hash
	}
	i, ok := signature.Verify(given, hashes)
	if !ok {
		return Token{}, Caller{}, false
	}
	return tokens[i], tokens[i].caller(), true
}

func (t *Token) caller() Caller {
	if t.Name == "" {
		return Caller{Name: t.Hash.String(), Role: t.Role}
	}
	return Caller{Name: t.Name, Role: t.Role}
}

// A session's text is the base64 of its note (version, end, random bytes) and the note's signature.
const (
	sessionVersion = 1
	noteSize       = 1 + 8 + 16
	// MaxSession is the longest text of a session that is looked at, in bytes.
	MaxSession = 128
)

// Open gives the session of a token as text for a cookie.
func (d *Desk) Open(given string, now time.Time) (session string, c Caller, ok bool) {
	token, c, ok := d.find(given)
	if !ok {
		return "", Caller{}, false
	}
	c.Ends = now.Add(d.length).Truncate(time.Second).UTC()
	note := make([]byte, noteSize, noteSize+sha256.Size)
	note[0] = sessionVersion
	binary.BigEndian.PutUint64(note[1:], uint64(c.Ends.Unix()))
	_, _ = rand.Read(note[9:]) // documented never to fail
	return base64.RawURLEncoding.EncodeToString(append(note, d.sign(token, note)...)), c, true
}

// BySession says whose session it is.
func (d *Desk) BySession(text string, now time.Time) (Caller, bool) {
	if len(text) > MaxSession {
		return Caller{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != noteSize+sha256.Size || raw[0] != sessionVersion {
		return Caller{}, false
	}
	note, given := raw[:noteSize], raw[noteSize:]
	ends := time.Unix(int64(binary.BigEndian.Uint64(note[1:])), 0).UTC()
	var found Caller
	match := 0
	for _, t := range *d.tokens.Load() {
		if equal := subtle.ConstantTimeCompare(d.sign(t, note), given); equal == 1 {
			found, match = t.caller(), 1
		}
	}
	if match == 0 || !now.Before(ends) {
		return Caller{}, false
	}
	found.Ends = ends
	return found, true
}

// sign depends on the session key and on the token that the session was opened with.
func (d *Desk) sign(t Token, note []byte) []byte {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte("dedupgate session\x00"))
	mac.Write(t.Hash[:])
	mac.Write(note)
	return mac.Sum(nil)
}

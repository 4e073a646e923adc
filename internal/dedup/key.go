package dedup

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Key is an event's identity. Two requests with equal keys tell the same event.
type Key struct {
	Source string // configured name: lower-case letters, digits and hyphens, so never a colon
	Event  string // made by [Compose]
}

// String is "<source>:<event>", injective because no source has a colon.
func (k Key) String() string { return k.Source + ":" + k.Event }

// IsZero reports whether there is no identity.
func (k Key) IsZero() bool { return k.Event == "" }

// Compare orders by source, then event, bytewise.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Source, o.Source), cmp.Compare(k.Event, o.Event))
}

// maxPart is the longest escaped part kept in a key as it is; a longer one is replaced by its SHA-256, so that hostile
// header and body values can't make index entries or Redis keys of any size they like.
const maxPart = 128

// Compose joins parts with colons so that different lists of parts never give the same text: bytes other than
// [A-Za-z0-9_~.-] are written %XX, and a part that would be longer than 128 bytes is written "*" and the hexadecimal
// SHA-256 of its bytes ("*" is never written otherwise). The tag comes first and must be free of colons; it says how the
// rest is to be read.
//
// Plain ids stay readable: Compose("r", "ojue2pKvaKRjkewuJ", "1789373061640", "S").
func Compose(tag string, parts ...string) string {
	n := len(tag)
	for _, p := range parts {
		n += 1 + len(p)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(tag)
	for _, p := range parts {
		b.WriteByte(':')
		writePart(&b, p)
	}
	return b.String()
}

func writePart(b *strings.Builder, p string) {
	if isPlain(p) && len(p) <= maxPart {
		b.WriteString(p)
		return
	}
	if escapedLen(p) > maxPart {
		sum := sha256.Sum256([]byte(p))
		b.WriteByte('*')
		b.WriteString(hex.EncodeToString(sum[:]))
		return
	}
	const digits = "0123456789ABCDEF"
	for i := range len(p) {
		if c := p[i]; plain[c] {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}

// plain holds the bytes that need no escape: the alphabet of Apify's ids, as design and sender documentation give it.
var plain = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~.-") {
		t[c] = true
	}
	return t
}()

func isPlain(s string) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

func escapedLen(s string) int {
	n := len(s)
	for i := range len(s) {
		if !plain[s[i]] {
			n += 2
		}
	}
	return n
}

// IsPlainID reports whether s can serve as an id: 1 to 128 characters of [A-Za-z0-9_~.-].
func IsPlainID(s string) bool { return s != "" && len(s) <= maxPart && isPlain(s) }

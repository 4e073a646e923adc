package access_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/signature"
)

var (
	now = time.Date(2026, 9, 14, 10, 0, 0, 0, time.UTC)
	key = bytes.Repeat([]byte{7}, access.KeySize)
)

func tokens() []access.Token {
	return []access.Token{
		{Name: "viewer", Role: access.Read, Hash: signature.HashToken("see")},
		{Name: "operator", Role: access.Operate, Hash: signature.HashToken("do")},
		{Role: access.Admin, Hash: signature.HashToken("all")},
	}
}

func newDesk(t testing.TB, set []access.Token) *access.Desk {
	t.Helper()
	d, err := access.NewDesk(set, key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t testing.TB, d *access.Desk, token string) string {
	t.Helper()
	s, _, ok := d.Open(token, now)
	if !ok {
		t.Fatal("no session")
	}
	return s
}

func TestRolesStack(t *testing.T) {
	t.Parallel()
	all := []access.Role{access.Nobody, access.Read, access.Operate, access.Admin}
	for i, has := range all {
		for j, needs := range all {
			if got, want := has.Allows(needs), i >= j && i > 0; got != want {
				t.Errorf("%s may do what takes %s: %v", has, needs, got)
			}
		}
		if parsed, err := access.ParseRole(has.String()); (err == nil) != (i > 0) || parsed != has {
			t.Errorf("%s is parsed as %s, %v", has, parsed, err)
		}
	}
	if _, err := access.ParseRole("root"); err == nil || access.Role(9).Allows(access.Read) || access.Role(9).String() != "nobody" {
		t.Error("an unknown role may something")
	}
}

func TestTokensNameTheirHolder(t *testing.T) {
	t.Parallel()
	d := newDesk(t, tokens())
	if c, ok := d.ByToken("do"); !ok || c != (access.Caller{Name: "operator", Role: access.Operate}) {
		t.Errorf("%+v, %v", c, ok)
	}
	if c, ok := d.ByToken("all"); !ok || !strings.HasPrefix(c.Name, "sha256:") {
		t.Errorf("a token without a name: %+v, %v", c, ok)
	}
	for _, wrong := range []string{"", "Do", signature.HashToken("do").Hex()} {
		if _, ok := d.ByToken(wrong); ok {
			t.Errorf("%q opens", wrong)
		}
		if _, _, ok := d.Open(wrong, now); ok {
			t.Errorf("%q opens a session", wrong)
		}
	}
}

func TestASessionLastsAsLongAsItMay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, tokens())
	s := open(t, d, "do")
	want := access.Caller{Name: "operator", Role: access.Operate, Ends: now.Add(time.Hour)}
	if c, ok := d.BySession(s, now.Add(time.Hour-time.Second)); !ok || c != want {
		t.Errorf("%+v, %v", c, ok)
	}
	if _, ok := d.BySession(s, now.Add(time.Hour)); ok {
		t.Error("it never ends")
	}
	if again := open(t, d, "do"); again == s {
		t.Error("two sessions have the same text")
	}
	if len(s) > access.MaxSession {
		t.Errorf("%d bytes", len(s))
	}
}

func TestReplicasKnowEachOthersSessions(t *testing.T) {
	t.Parallel()
	s := open(t, newDesk(t, tokens()), "see")
	if c, ok := newDesk(t, tokens()).BySession(s, now); !ok || c.Name != "viewer" {
		t.Errorf("%+v, %v", c, ok)
	}
	other, err := access.NewDesk(tokens(), bytes.Repeat([]byte{8}, access.KeySize), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := other.BySession(s, now); ok {
		t.Error("a session of another key is taken")
	}
}

func TestASessionFollowsItsToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, tokens())
	see, do := open(t, d, "see"), open(t, d, "do")
	next := tokens()[1:]
	next[0].Role = access.Read
	if err := d.SetTokens(next); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.BySession(see, now); ok {
		t.Error("the session of a token that is gone is taken")
	}
	if c, ok := d.BySession(do, now); !ok || c.Role != access.Read {
		t.Errorf("the token's role changed, the session's is %s, %v", c.Role, ok)
	}
	if d.SetTokens(nil) == nil {
		t.Error("no tokens at all")
	}
}

func TestADeskNeedsARealKey(t *testing.T) {
	t.Parallel()
	if _, err := access.NewDesk(tokens(), key[1:], time.Hour); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := access.NewDesk(tokens(), key, 0); err == nil {
		t.Error("sessions without length")
	}
}

func FuzzAChangedSessionIsRefused(f *testing.F) {
	f.Add(uint(0), byte(1))
	f.Add(uint(3), byte(0x80))
	f.Add(uint(80), byte(0x10))
	f.Fuzz(func(t *testing.T, at uint, by byte) {
		if by == 0 {
			return
		}
		d := newDesk(t, tokens())
		s := open(t, d, "all")
		text := []byte(s)
		text[at%uint(len(text))] ^= by
		if _, ok := d.BySession(string(text), now); ok {
			t.Errorf("taken with the text changed at %d", at%uint(len(text)))
		}
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		raw[at%uint(len(raw))] ^= by
		if _, ok := d.BySession(base64.RawURLEncoding.EncodeToString(raw), now); ok {
			t.Errorf("taken with byte %d changed", at%uint(len(raw)))
		}
	})
}

func FuzzNobodysSessionIsRefused(f *testing.F) {
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := newDesk(t, tokens()).BySession(text, now); ok {
			t.Error("taken")
		}
	})
}

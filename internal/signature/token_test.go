package signature_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/signature"
)

func TestVerifyTellsWhichTokenMatched(t *testing.T) {
	t.Parallel()
	valid := []signature.Token{signature.HashToken("old"), signature.HashToken("new"), {}}
	cases := []struct {
		name, given string
		index       int
		ok          bool
	}{
		{"first", "old", 0, true},
		{"second, while the first is being replaced", "new", 1, true},
		{"other case", "New", 0, false},
		{"start of a token", "ne", 0, false},
		{"token and more", "new ", 0, false},
		{"empty", "", 0, false},
		{"the hash itself", valid[1].Hex(), 0, false},
		{"all zero bytes", strings.Repeat("\x00", 32), 0, false},
		{"oversized", strings.Repeat("x", signature.MaxToken+1), 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if index, ok := signature.Verify(c.given, valid); index != c.index || ok != c.ok {
				t.Errorf("got %d, %v; want %d, %v", index, ok, c.index, c.ok)
			}
		})
	}
}

func TestVerifyRefusesWhateverTheHashOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", signature.MaxToken+1)
	for name, given := range map[string]string{"empty": "", "oversized": long} {
		if _, ok := signature.Verify(given, []signature.Token{signature.HashToken(given)}); ok {
			t.Errorf("an %s token was taken", name)
		}
	}
	longest := long[1:]
	if _, ok := signature.Verify(longest, []signature.Token{signature.HashToken(longest)}); !ok {
		t.Error("the longest token was refused")
	}
	if _, ok := signature.Verify("any", nil); ok {
		t.Error("a source without tokens took one")
	}
}

func TestParseHashReadsHex(t *testing.T) {
	t.Parallel()
	want := signature.HashToken("secret")
	for _, text := range []string{want.Hex(), strings.ToUpper(want.Hex())} {
		if got, err := signature.ParseHash(text); err != nil || got != want {
			t.Errorf("ParseHash(%s) = %v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "my-secret-token", want.Hex()[1:], want.Hex() + "0", "g" + want.Hex()[1:]} {
		got, err := signature.ParseHash(bad)
		if err == nil || got != (signature.Token{}) {
			t.Errorf("ParseHash(%q) = %v, %v; want an error", bad, got, err)
		}
		if err != nil && bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats %q, which may be a token", bad)
		}
	}
}

func TestNewTokensArePrintableAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		token := signature.NewToken()
		if seen[token] {
			t.Fatal("two tokens are the same")
		}
		seen[token] = true
		if !strings.HasPrefix(token, signature.Prefix) || len(token) != len(signature.Prefix)+43 {
			t.Fatalf("token of %d characters", len(token))
		}
		if url.QueryEscape(token) != token {
			t.Fatal("a token needs escaping in a URL")
		}
		if _, ok := signature.Verify(token, []signature.Token{signature.HashToken(token)}); !ok {
			t.Fatal("a new token is not taken")
		}
	}
}

func TestTokensPrintShort(t *testing.T) {
	t.Parallel()
	token := signature.HashToken("secret")
	asJSON, err := json.Marshal(map[string]any{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{fmt.Sprint(token), fmt.Sprintf("%v %s %+v", token, token, token), string(asJSON)} {
		if strings.Contains(printed, token.Hex()[9:20]) || !strings.Contains(printed, token.Hex()[:8]) {
			t.Errorf("printed as %s", printed)
		}
	}
}

func TestFromRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", signature.MaxToken+1)
	cases := []struct {
		name, query   string
		authorization []string
		want          string
	}{
		{"nothing", "", nil, ""},
		{"query", "token=dg_1", nil, "dg_1"},
		{"bearer", "", []string{"Bearer dg_1"}, "dg_1"},
		{"the scheme's case does not matter", "", []string{"bEARER  dg_1 "}, "dg_1"},
		{"query beside a proxy's own authorization", "token=dg_1", []string{"Bearer proxy"}, "dg_1"},
		{"empty query gives way to bearer", "token=", []string{"Bearer dg_1"}, "dg_1"},
		{"other scheme", "", []string{"Basic ZGdfMQ=="}, ""},
		{"scheme alone", "", []string{"Bearer"}, ""},
		{"empty bearer", "", []string{"Bearer "}, ""},
		{"token without scheme", "", []string{"dg_1"}, ""},
		{"two in the query", "token=dg_1&token=dg_2", nil, ""},
		{"two in the query don't fall back to bearer", "token=dg_1&token=dg_2", []string{"Bearer dg_1"}, ""},
		{"two authorizations", "", []string{"Bearer dg_1", "Bearer dg_2"}, ""},
		{"oversized query", "token=" + long, nil, ""},
		{"oversized bearer", "", []string{"Bearer " + long}, ""},
		{"other names are not looked at", "secret=dg_1&Token=dg_1", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			for _, a := range c.authorization {
				header.Add("Authorization", a)
			}
			if got := signature.FromRequest(query, header); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := signature.FromRequest(nil, nil); got != "" {
		t.Errorf("from nothing: %q", got)
	}
}

func FuzzVerifyRefusesAnyChangedByte(f *testing.F) {
	f.Add("dg_secret", uint(3), byte(1))
	f.Add("x", uint(0), byte(0x20))
	f.Add(signature.NewToken(), uint(40), byte(0x80))
	f.Fuzz(func(t *testing.T, token string, at uint, change byte) {
		valid := []signature.Token{signature.HashToken("another"), signature.HashToken(token)}
		index, ok := signature.Verify(token, valid)
		if want := token != "" && len(token) <= signature.MaxToken; ok != want || (ok && token != "another" && index != 1) {
			t.Fatalf("the token itself: %d, %v", index, ok)
		}
		if token == "" || change == 0 {
			return
		}
		changed := []byte(token)
		changed[at%uint(len(changed))] ^= change
		if _, ok := signature.Verify(string(changed), valid); ok && string(changed) != "another" {
			t.Fatalf("a token with byte %d changed was taken", at%uint(len(changed)))
		}
		for _, other := range []string{token[:len(token)-1], token + string(change), string(change) + token} {
			if _, ok := signature.Verify(other, valid); ok && other != "another" {
				t.Fatal("a token of another length was taken")
			}
		}
	})
}

package dedup_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestComposeKeepsPlainIDsReadable(t *testing.T) {
	t.Parallel()
	long, spaces := strings.Repeat("x", 128), strings.Repeat(" ", 43)
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"ids", []string{"ojue2pKvaKRjkewuJ", "1789373061640", "S"}, "r:ojue2pKvaKRjkewuJ:1789373061640:S"},
		{"nothing", nil, "r"},
		{"an empty part", []string{""}, "r:"},
		{"empty parts", []string{"", "", ""}, "r:::"},
		{"separator", []string{"a:b"}, "r:a%3Ab"},
		{"escape", []string{"%3A"}, "r:%253A"},
		{"hash mark", []string{"*"}, "r:%2A"},
		{"bytes, not letters", []string{"é\x00 "}, "r:%C3%A9%00%20"},
		{"longest part", []string{long}, "r:" + long},
		{"longer part", []string{long + "x", "y"}, "r:*" + hash(long+"x") + ":y"},
		{"longest part when it is escaped", []string{spaces[1:]}, "r:" + strings.Repeat("%20", 42)},
		{"longer part when it is escaped", []string{spaces}, "r:*" + hash(spaces)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := dedup.Compose("r", c.parts...); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// decompose reads a key without hashed parts back: that it can be done proves that no two lists give the same key.
func decompose(t rapid.TB, key string) []string {
	parts := strings.Split(key, ":")[1:]
	for i, p := range parts {
		var b []byte
		for j := 0; j < len(p); j++ {
			if p[j] != '%' {
				b = append(b, p[j])
				continue
			}
			raw, err := hex.DecodeString(p[j+1 : j+3])
			if err != nil {
				t.Fatalf("key %s: %v", key, err)
			}
			b, j = append(b, raw...), j+2
		}
		parts[i] = string(b)
	}
	return parts
}

// checkKey fails unless the key is fit for an index and says its parts and nothing else.
func checkKey(t rapid.TB, parts []string) string {
	key := dedup.Compose("r", parts...)
	if limit := 1 + len(parts)*129; len(key) > limit {
		t.Fatalf("%d parts make %d bytes", len(parts), len(key))
	}
	for _, c := range []byte(key) {
		if !dedup.IsPlainID(string(rune(c))) && !strings.ContainsRune(":%*", rune(c)) {
			t.Fatalf("key %q holds %q", key, c)
		}
	}
	if !strings.Contains(key, "*") && !slices.Equal(decompose(t, key), parts) {
		t.Fatalf("%q becomes %q", parts, key)
	}
	return key
}

func TestDifferentPartsNeverGiveTheSameKey(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(
		rapid.StringMatching(`[a:%*3A]{0,3}`), rapid.String(),
		rapid.Map(rapid.IntRange(126, 131), func(n int) string { return strings.Repeat("x", n) }),
		rapid.Map(rapid.IntRange(41, 44), func(n int) string { return strings.Repeat(":", n) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(part, 0, 4).Draw(t, "a")
		b := rapid.SliceOfN(part, 0, 4).Draw(t, "b")
		if same := checkKey(t, a) == checkKey(t, b); same != slices.Equal(a, b) {
			t.Fatalf("%q and %q: %s", a, b, dedup.Compose("r", a...))
		}
	})
}

func FuzzCompose(f *testing.F) {
	f.Add("a", "b", "a:b", "")
	f.Add("a:", "b", "a", ":b")
	f.Add("%3A", "", ":", "")
	f.Add("", "", ":", "")
	f.Add("*", "x", "%2A", "x")
	f.Add(strings.Repeat("x", 128), "", strings.Repeat("x", 129), "")
	f.Add(strings.Repeat(":", 42), "\xff", strings.Repeat(":", 43), "é")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		lists := [][]string{{a1, a2}, {b1, b2}, {a1}, {a1, a2, ""}, {"", a1, a2}, {a1 + ":" + a2}, {a2, a1}, nil}
		for i, a := range lists {
			for _, b := range lists[i:] {
				if same := checkKey(t, a) == checkKey(t, b); same != slices.Equal(a, b) {
					t.Fatalf("%q and %q: %s", a, b, dedup.Compose("r", a...))
				}
			}
		}
	})
}

func TestAHashedPartDoesNotPassForAPlainOne(t *testing.T) {
	t.Parallel()
	hashed := strings.TrimPrefix(dedup.Compose("r", strings.Repeat("x", 129)), "r:")
	if again := dedup.Compose("r", hashed); again == "r:"+hashed {
		t.Errorf("both give %s", again)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	a, b := dedup.Key{Source: "a", Event: "r:1"}, dedup.Key{Source: "b", Event: "r:0"}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(dedup.Key{Source: "a", Event: "r:1"}) != 0 {
		t.Error("the source comes first")
	}
	if c := (dedup.Key{Source: "a", Event: "r:10"}); a.Compare(c) >= 0 {
		t.Error("events are compared bytewise")
	}
	if a.String() != "a:r:1" {
		t.Errorf("%s", a)
	}
	if a.IsZero() || !(dedup.Key{Source: "a"}).IsZero() {
		t.Error("a key without an event is none")
	}
}

func TestIsPlainID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"ojue2pKvaKRjkewuJ": true, "_~.-": true, "0": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a:b": false, "{{resource.id}}": false, "é": false,
		"a\x00": false, "a/b": false, "a%": false, "*": false,
	} {
		if dedup.IsPlainID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

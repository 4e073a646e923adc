package dedup_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// moments are those that an ID can carry: 48 bits of milliseconds since 1970.
func moments() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(0, 1<<48-1), time.UnixMilli)
}

func TestIDsAreVersion7(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := moments().Draw(t, "at")
		id := dedup.NewID(at.Add(999 * time.Microsecond))
		if id[6]>>4 != 7 || id[8]>>6 != 2 {
			t.Fatalf("%s is not a UUIDv7", id)
		}
		if got := id.Time(); !got.Equal(at) || got.Location() != time.UTC {
			t.Fatalf("%s carries %v, not %v", id, got, at)
		}
		if id.IsZero() {
			t.Fatal("a made id is zero")
		}
	})
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := moments().Draw(t, "a"), moments().Draw(t, "b")
		x, y := dedup.NewID(a), dedup.NewID(b)
		if a.Before(b) && (bytes.Compare(x[:], y[:]) >= 0 || x.String() >= y.String()) {
			t.Fatalf("%s of %v does not sort before %s of %v", x, a, y, b)
		}
	})
}

func TestIDsOfOneMillisecondDiffer(t *testing.T) {
	t.Parallel()
	seen, now := map[dedup.ID]bool{}, time.UnixMilli(1789373061640)
	for range 10_000 {
		id := dedup.NewID(now)
		if seen[id] {
			t.Fatalf("%s was made twice", id)
		}
		seen[id] = true
	}
}

func TestIDsReadThemselvesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var id dedup.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text := id.String()
		if back, err := dedup.ParseID(text); err != nil || back != id {
			t.Fatalf("%s reads as %s: %v", text, back, err)
		}
		if back, err := dedup.ParseID(strings.ToUpper(text)); err != nil || back != id {
			t.Fatalf("%s in capitals reads as %s: %v", text, back, err)
		}
	})
}

func TestParseIDRefusesEverythingElse(t *testing.T) {
	t.Parallel()
	const good = "0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10"
	if _, err := dedup.ParseID(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", good[1:], good + "0", "{" + good + "}", "urn:uuid:" + good, strings.ReplaceAll(good, "-", ""), strings.ReplaceAll(good, "-", "_"),
		"0199c3a27-c1e-7b60-9c1d-3f1c0a5b7d10", good[:35] + "g", good[:35] + " ", strings.Repeat("-", 36),
	} {
		if id, err := dedup.ParseID(bad); err == nil || !id.IsZero() {
			t.Errorf("%q reads as %s", bad, id)
		}
	}
}

func TestTheZeroID(t *testing.T) {
	t.Parallel()
	if !(dedup.ID{}).IsZero() || (dedup.ID{15: 1}).IsZero() {
		t.Error("only the zero value is zero")
	}
	at := time.UnixMilli(1789373061640).UTC()
	if v := (dedup.Verdict{EventID: dedup.NewID(at)}); v.FirstSeenAt() != at {
		t.Errorf("first seen at %v, want %v", v.FirstSeenAt(), at)
	}
}

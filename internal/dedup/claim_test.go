package dedup_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestDispatchTagsAreShort(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a", "SExv8QzmugdNukKjN", strings.Repeat("x", 18)} {
		if got := dedup.DispatchTag(id); got != id {
			t.Errorf("%q has the tag %q", id, got)
		}
	}
	for _, id := range []string{strings.Repeat("x", 19), strings.Repeat("x", 128)} {
		if got := dedup.DispatchTag(id); len(got) != 17 || got[0] != 0xff {
			t.Errorf("%q has the tag %q", id, got)
		}
	}
}

func TestEqualTagsMeanEqualIDs(t *testing.T) {
	t.Parallel()
	id := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_~.-]{1,22}`), rapid.StringMatching(`x{16,20}`))
	rapid.Check(t, func(t *rapid.T) {
		a, b := id.Draw(t, "a"), id.Draw(t, "b")
		if (dedup.DispatchTag(a) == dedup.DispatchTag(b)) != (a == b) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}

// The kind of a repeat follows from the two dispatch ids, whichever store knew the first.
func TestKindsOfRepeat(t *testing.T) {
	t.Parallel()
	long, longer := strings.Repeat("x", 40), strings.Repeat("x", 41)
	for _, c := range []struct {
		name, first, repeat string
		want                dedup.Repeat
	}{
		{"same id", "a", "a", dedup.RepeatRetry},
		{"other id", "a", "b", dedup.RepeatTwin},
		{"same long id", long, long, dedup.RepeatRetry},
		{"other long id", long, longer, dedup.RepeatTwin},
		{"first without an id", "", "a", dedup.RepeatUnknown},
		{"repeat without an id", "a", "", dedup.RepeatUnknown},
		{"both without an id", "", "", dedup.RepeatUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := dedup.Entry{Inbound: &dedup.Inbound{DispatchID: c.repeat}}
			tag := dedup.DispatchTag(c.first)
			if v := dedup.Decide(&e, dedup.Found{FirstTag: tag}); v.Repeat != c.want || v.FirstTag != tag {
				t.Errorf("told by the ledger: %+v, want %s", v, c.want)
			}
			e.Known, e.Claim = true, dedup.ClaimReply{State: dedup.ClaimSettled, Mark: dedup.Mark{Tag: tag}}
			if v := dedup.Decide(&e, dedup.Found{}); v.Repeat != c.want || v.FirstTag != tag {
				t.Errorf("told by a mark: %+v, want %s", v, c.want)
			}
		})
	}
}

func TestIncarnations(t *testing.T) {
	t.Parallel()
	if !(dedup.Incarnation{}).IsZero() || (dedup.Incarnation{7: 1}).IsZero() {
		t.Error("only the zero value is unknown")
	}
}

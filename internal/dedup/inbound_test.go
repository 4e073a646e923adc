package dedup_test

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func versions() *rapid.Generator[dedup.Version] {
	return rapid.Custom(func(t *rapid.T) dedup.Version {
		return dedup.Version{
			Life: rapid.OneOf(rapid.Uint32Range(0, 2), rapid.SampledFrom([]uint32{255, 256, math.MaxUint32})).Draw(t, "life"),
			Rank: dedup.Rank(rapid.IntRange(0, int(dedup.RankEnd)).Draw(t, "rank")),
			At: rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 255, 256})).
				Draw(t, "at"),
			Type: rapid.OneOf(rapid.SampledFrom([]string{"", "A", "AA", "AB", "B", "A\x00"}), rapid.String()).Draw(t, "type"),
		}
	})
}

func TestEncodedVersionsSortAsVersionsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, w := versions().Draw(t, "v"), versions().Draw(t, "w")
		want := v.Compare(w)
		if got := bytes.Compare(v.Encode(), w.Encode()); got != want {
			t.Fatalf("compared %d, encoded %d", want, got)
		}
		if w.Compare(v) != -want || (want == 0) != (v == w) {
			t.Fatalf("%+v and %+v: not an order", v, w)
		}
		// A run without events has no version, which is below all.
		if bytes.Compare(nil, v.Encode()) >= 0 {
			t.Fatalf("%+v is not above nothing", v)
		}
	})
}

func TestVersionsCompareLifeRankTimeTypeInThatOrder(t *testing.T) {
	t.Parallel()
	ordered := []dedup.Version{
		{},
		{At: -1, Rank: dedup.RankResurrected},
		{At: 9, Rank: dedup.RankResurrected, Type: "Z"},
		{At: 1, Rank: dedup.RankEnd, Type: "B"},
		{At: 2, Rank: dedup.RankEnd, Type: "A"},
		{At: 2, Rank: dedup.RankEnd, Type: "B"},
		{Life: 1, At: math.MinInt64, Rank: dedup.RankCreated},
	}
	for i := range ordered {
		for j := range ordered {
			got, want := ordered[i].Compare(ordered[j]), sign(i-j)
			if got != want {
				t.Errorf("%+v against %+v: %d, want %d", ordered[i], ordered[j], got, want)
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	default:
		return 0
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	for status, want := range map[dedup.Status]bool{
		"": false, dedup.StatusCreated: false, dedup.StatusResurrected: false, "RUNNING": false, "TIMED-OUT": false,
		dedup.StatusSucceeded: true, dedup.StatusFailed: true, dedup.StatusAborted: true, dedup.StatusTimedOut: true,
	} {
		if status.IsEnd() != want {
			t.Errorf("%s ends a life: %v", status, !want)
		}
	}
}

func TestWhatMovesARun(t *testing.T) {
	t.Parallel()
	run := dedup.RunRef{Kind: dedup.KindRun, ID: "a"}
	for name, c := range map[string]struct {
		in   dedup.Inbound
		want bool
	}{
		"known type with a run": {dedup.Inbound{Run: run, Status: dedup.StatusFailed}, true},
		"unknown type":          {dedup.Inbound{Run: run}, false},
		"no run":                {dedup.Inbound{Status: dedup.StatusFailed}, false},
		"test":                  {dedup.Inbound{Run: run, Status: dedup.StatusFailed, Test: true}, false},
		"quarantined":           {dedup.Inbound{Run: run, Status: dedup.StatusFailed, Quarantine: &dedup.Quarantine{}}, false},
	} {
		if c.in.MovesRun() != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}

func TestBatchesTakeTheirLocksInOneOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"", "a", "b", "r:1", "r:10", "r:2"})
		a := dedup.Key{Source: part.Draw(t, "source a"), Event: part.Draw(t, "event a")}
		b := dedup.Key{Source: part.Draw(t, "source b"), Event: part.Draw(t, "event b")}
		if got := a.Compare(b); got != -b.Compare(a) || (got == 0) != (a == b) {
			t.Fatalf("%s and %s: %d", a, b, got)
		}
	})
}

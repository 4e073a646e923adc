package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// aWindow is advice as the API gives it.
func aWindow() view.WindowAdvice {
	lag := int64(100 * time.Hour / time.Millisecond)
	at := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	return view.WindowAdvice{
		WindowSummary: view.WindowSummary{
			Source: "apify", Repeats: 1000, Caught: 0.9, Suggested: "7d", Verdict: "change", Text: "It is too short.\x1b[2J",
			WatchedMillis: (5 * time.Hour).Milliseconds(),
			Setting:       view.WindowSetting{Window: "3d", WindowMillis: (72 * time.Hour).Milliseconds(), Since: at, Key: "dedup.window"},
		},
		Since: at, Until: at.Add(10 * 24 * time.Hour),
		Curve: view.WindowCurve{
			WindowsMillis: []float64{float64(time.Minute.Milliseconds()), float64((48 * time.Hour).Milliseconds()), float64((100 * time.Hour).Milliseconds())},
			Caught:        []float64{0.5, 0.9, 0.99},
		},
		Now:      view.WindowFigures{Text: "A window of 3d catches at least 90.0 %."},
		Cost:     view.WindowCost{BytesPerKey: 200, BytesMeasured: "live", KeysMeasured: 50, EventsPerSecond: 2},
		LateHits: []view.Receipt{{ReceivedAt: at, LagMillis: &lag, Type: "TEST", Repeat: "retry", EventID: "e1"}},
		Notes:    []string{"The curve is a lower bound."},
	}
}

func TestAdvise(t *testing.T) {
	t.Parallel()
	chosen := aWindow()
	chosen.Chosen = &view.WindowFigures{Window: "36h", Text: "A window of 36h …", YAML: "sources:\n  - name: apify\n    window: 36h\n"}
	const since = "since=2026-09-14T08%3A00%3A00Z"
	api := adminAPI(t, map[string]any{
		"GET /ttl?" + since: map[string]any{"items": []view.WindowSummary{
			aWindow().WindowSummary,
			{Source: "apify", Type: "TEST", Setting: view.WindowSetting{Window: "1h"}},
			{Source: "old", Repeats: 500, Caught: 1, Verdict: "right", WatchedMillis: (72 * time.Hour).Milliseconds(), Setting: view.WindowSetting{Window: "3d"}},
			{Source: "young", Repeats: 500, Caught: 1, Verdict: "too_early", WatchedMillis: (90 * time.Minute).Milliseconds(), Setting: view.WindowSetting{Window: "3d"}},
		}},
		"GET /ttl/apify?" + since:                               aWindow(),
		"GET /ttl/apify?" + since + "&type=TEST&window=36h0m0s": chosen,
	})
	advise := func(args ...string) result {
		return execute(t, "", append(append([]string{"advise", "--since", "2026-09-14T08:00:00Z"}, args...), api...)...)
	}
	t.Run("all sources and types are listed", func(t *testing.T) {
		t.Parallel()
		r := advise()
		r.expect(t, exitOK, "SUGGESTED", "(all)", "90.0 %", "7d", "TEST", "1h")
		for what, line := range map[string][]string{
			"a type without repeats": {"apify", "TEST", "0", "-", "1h", "-", "-"},
			"an old one":             {"old", "(all)", "500", "3", "days", "3d", "100", "%", "keep"},
			"a young source":         {"young", "(all)", "500", "1", "hour", "3d", "100", "%", "too", "early", "to", "say"},
		} {
			if !slices.ContainsFunc(strings.Split(r.out, "\n"), func(l string) bool { return slices.Equal(strings.Fields(l), line) }) {
				t.Errorf("%s:\n%s", what, r.out)
			}
		}
	})
	t.Run("one source is told with windows to choose from", func(t *testing.T) {
		t.Parallel()
		r := advise("apify")
		r.expect(t, exitOK, "It is too short.", "3d (in force since", "90.0 %", "99.0 %", "10.0", "measured on 50 keys", "lower bound", "only the database caught", "e1", "98.9 MiB", "watched for 5 hours")
		if strings.Contains(r.out, "\x1b") || strings.Contains(r.out, "To set it") {
			t.Errorf("it says\n%s", r.out)
		}
	})
	t.Run("a window is answered with what to paste", func(t *testing.T) {
		t.Parallel()
		advise("apify", "--type", "TEST", "--window", "1d12h").expect(t, exitOK, "A window of 36h …", "To set it:\n\nsources:\n  - name: apify\n    window: 36h\n")
	})
	t.Run("JSON is what the API gives", func(t *testing.T) {
		t.Parallel()
		advise("apify", "--json").expect(t, exitOK, `"caught":0.9`, `"events_per_second":2`)
		advise("--json").expect(t, exitOK, `"suggested":"7d"`)
	})
	t.Run("mistakes are explained", func(t *testing.T) {
		t.Parallel()
		advise("--window", "36h").expect(t, exitFailed, "need a source")
		advise("apify", "--window", "soon").expect(t, exitUsage, "want a length like 90s, 36h or 3d")
		advise("nobody").expect(t, exitFailed, "no such entry", "'dedupgate advise' lists the sources")
	})
}

func TestWindowsToCompareHoldTheOneInForceOnce(t *testing.T) {
	t.Parallel()
	for _, current := range []time.Duration{time.Second, 72 * time.Hour, 50 * time.Hour, 5000 * time.Hour} {
		list, found := comparedWindows(current), 0
		for i, d := range list {
			if d == current {
				found++
			}
			if i > 0 && list[i-1] >= d {
				t.Errorf("%v", list)
			}
		}
		if found != 1 {
			t.Errorf("%v is there %d times: %v", current, found, list)
		}
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "3d": 72 * time.Hour, "1d12h": 36 * time.Hour} {
		var l length
		if err := l.UnmarshalText([]byte(text)); err != nil || time.Duration(l) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(l), err)
		}
	}
	for _, text := range []string{"", "0s", "d", "-1h", "3", "1d-25h"} {
		if err := new(length).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

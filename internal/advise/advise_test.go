package advise_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/advise"
	"github.com/dedupgate/dedupgate/internal/dedup"
)

const day = 24 * time.Hour

// lagsAt is a histogram of repeats that were watched for a year.
func lagsAt(counts map[time.Duration]int64) *advise.Lags {
	l := &advise.Lags{}
	for lag, n := range counts {
		l.Put(dedup.LagBucket(lag), n, 0, 365*day)
	}
	return l
}

func TestApifysScheduleEndsAfterAboutThirtyFourHours(t *testing.T) {
	t.Parallel()
	all := advise.ApifyRetries()
	if len(all) != 11 {
		t.Fatalf("%d retries", len(all))
	}
	first, last := all[0], all[10]
	if first.Nominal != time.Minute || first.Earliest != 45*time.Second || first.Latest != 75*time.Second {
		t.Errorf("%+v", first)
	}
	if last.Nominal != 34*time.Hour+7*time.Minute || last.Latest.Truncate(time.Minute) != 42*time.Hour+38*time.Minute {
		t.Errorf("%+v", last)
	}
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lags    *advise.Lags
		current time.Duration
		want    time.Duration
		verdict advise.Verdict
		says    string
	}{
		"too few repeats":  {lagsAt(map[time.Duration]int64{time.Hour: 99}), time.Minute, 0, advise.Unknown, "Only 99 repeats"},
		"too short":        {lagsAt(map[time.Duration]int64{time.Second: 500, 30 * time.Hour: 500}), time.Hour, 36 * time.Hour, advise.Change, "36h would catch at least 100 %"},
		"far too long":     {lagsAt(map[time.Duration]int64{time.Second: 1000}), 3 * day, 5 * time.Minute, advise.Change, "less memory"},
		"right":            {lagsAt(map[time.Duration]int64{time.Second: 500, 30 * time.Hour: 500}), 3 * day, 0, advise.Right, "right as it is"},
		"nothing would do": {lagsAt(map[time.Duration]int64{200 * day: 500}), 3 * day, 0, advise.Unknown, "None of 500 repeats"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.lags.Suggest(tt.current, advise.ApifyRetries())
			if tt.want != 0 && got.Window != tt.want || tt.want == 0 && got.Window != 0 || got.Verdict != tt.verdict || !strings.Contains(got.Text, tt.says) {
				t.Errorf("%+v, want %v, %s, saying %q", got, tt.want, tt.verdict, tt.says)
			}
		})
	}
}

// All repeats of a young gateway come early: nothing else can have come yet.
func TestAYoungGatewayIsNotTalkedOutOfItsWindow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		current, watched time.Duration
		early            bool
		says             string
	}{
		"an hour":                       {3 * day, time.Hour, true, "watched for 1 hour only"},
		"Apify's retries are over":      {3 * day, 43 * time.Hour, true, "is said after 3d"},
		"nearly the window":             {3 * day, 3*day - time.Second, true, "watched for 2 days only"},
		"the window":                    {3 * day, 3 * day, false, "5m would catch nearly as many"},
		"a short window alone":          {time.Hour, 2 * time.Hour, true, "is said after 43h"},
		"a short window, and retries":   {time.Hour, 43 * time.Hour, false, "5m would catch nearly as many"},
		"a long one, not as long as it": {30 * day, 29 * day, true, "is said after 30d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lags := &advise.Lags{}
			lags.Put(dedup.LagBucket(time.Second), 1000, 0, tt.watched)
			got := lags.Suggest(tt.current, advise.ApifyRetries())
			if (got.Verdict == advise.TooEarly) != tt.early || (got.Window != 0) == tt.early || !strings.Contains(got.Text, tt.says) {
				t.Errorf("%+v, want too early %v, saying %q", got, tt.early, tt.says)
			}
		})
	}
}

func TestASenderWithoutAScheduleIsWatchedForItsWindowOnly(t *testing.T) {
	t.Parallel()
	lags := &advise.Lags{}
	lags.Put(dedup.LagBucket(time.Second), 1000, 0, 5*time.Hour)
	if got := lags.Suggest(5*time.Hour, nil); got.Verdict != advise.Change || got.Window != 5*time.Minute || strings.Contains(got.Text, "Apify") || strings.HasSuffix(got.Text, " ") {
		t.Errorf("%+v", got)
	}
	if got := lags.Suggest(6*time.Hour, nil); got.Verdict != advise.TooEarly {
		t.Errorf("%+v", got)
	}
	if got := new(advise.Lags).Suggest(time.Hour, nil); got.Text != "Only 0 repeats are known: too few to advise." {
		t.Errorf("%q", got.Text)
	}
}

func TestAWindowThatIsTooShortIsSaidSoAtOnce(t *testing.T) {
	t.Parallel()
	lags := &advise.Lags{}
	lags.Put(dedup.LagBucket(time.Second), 500, 0, 2*time.Hour)
	lags.Put(dedup.LagBucket(90*time.Minute), 500, 0, 2*time.Hour)
	if got := lags.Suggest(time.Hour, advise.ApifyRetries()); got.Window != 2*time.Hour || got.Verdict != advise.Change {
		t.Errorf("%+v", got)
	}
}

func TestManyRepeatsInFlightAreExplained(t *testing.T) {
	t.Parallel()
	lags := &advise.Lags{}
	lags.Put(dedup.LagBucket(time.Millisecond), 1000, 300, 365*day)
	lags.Put(dedup.LagBucket(30*time.Hour), 1000, 0, 365*day)
	got := lags.Suggest(3*day, advise.ApifyRetries())
	if want := "The window of 3d catches at least 85.0 % of 2,000 repeats. 15.0 % came while the first was still being decided: no window catches those. It is right as it is."; got.Text != want {
		t.Errorf("%s", got.Text)
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	lags := lagsAt(map[time.Duration]int64{time.Second: 90, 30 * time.Hour: 10})
	f := lags.FiguresOf(24*time.Hour, advise.Traffic{BytesPerKey: 200, EventsPerSecond: 2, Span: 5 * day})
	if f.Caught != 0.9 || f.DatabaseHitsPerDay != 2 || f.RedisBytes != 200*2*86400 {
		t.Errorf("%+v", f)
	}
	want := "A window of 1d catches at least 90.0 % of the repeats in Redis, leaves at most 2.0 a day to the database, and takes about 33.0 MiB of Redis."
	if f.Text() != want {
		t.Errorf("%s", f.Text())
	}
	if f := lags.FiguresOf(day, advise.Traffic{}); f.DatabaseHitsPerDay != 0 || f.RedisBytes != 0 {
		t.Errorf("%+v", f)
	}
}

func TestTextsOfNumbers(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{0: "0 %", 1: "100 %", 0.99999: "99.9 %", 0.5: "50.0 %", 0.0004: "0.0 %"} {
		if got := advise.Percent(share); got != want {
			t.Errorf("%v: %q", share, got)
		}
	}
	for d, want := range map[time.Duration]string{
		3 * day: "3d", 36 * time.Hour: "36h", 90 * time.Second: "90s", 1500 * time.Millisecond: "1500ms", 0: "0s", time.Microsecond: "1µs",
	} {
		if got := advise.Span(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestLengthsOfTimeAreNeverSaidTooLong(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "less than a minute", time.Minute: "1 minute", 119 * time.Minute: "1 hour", 47 * time.Hour: "1 day", 71 * time.Hour: "2 days",
	} {
		if got := advise.About(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
}

func TestAdviceOnKindsOfRepeats(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		r              advise.Repeats
		twins, unknown bool
	}{
		"twins dominate":    {advise.Repeats{Source: "apify", Retry: 10, Twin: 90}, true, false},
		"half are twins":    {advise.Repeats{Retry: 90, Twin: 90}, false, false},
		"too few":           {advise.Repeats{Twin: 19}, false, false},
		"unknowns dominate": {advise.Repeats{Source: "apify", Retry: 10, Unknown: 90}, false, true},
		"nothing":           {advise.Repeats{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.r.Twins(); (got != "") != tt.twins || tt.twins && !strings.Contains(got, "90.0 % of the duplicates of apify") {
				t.Errorf("twins: %q", got)
			}
			if got := tt.r.Unknowns(); (got != "") != tt.unknown {
				t.Errorf("unknown: %q", got)
			}
		})
	}
}

package config

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurationReadsDaysAndGoDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "20ms": 20 * time.Millisecond, "15s": 15 * time.Second, "1.5s": 1500 * time.Millisecond,
		"72h": 72 * time.Hour, "3d": 72 * time.Hour, "1d12h": 36 * time.Hour, "1d0.5h": 24*time.Hour + 30*time.Minute,
		"400d": 400 * 24 * time.Hour, "106751d": 106751 * 24 * time.Hour, "5us": 5 * time.Microsecond, "5µs": 5 * time.Microsecond,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: got %v, %v, want %v", text, time.Duration(d), err, want)
		}
	}
}

func TestDurationRefusesWhatItCannotMean(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "d", "72", "7 days", "-1s", "-1d", "+1s",
		"1d-1h", "1h1d", "1.5d", "106752d", "106751d24h", "9999999d", "9223372037s", "1D", "s",
	} {
		d := Duration(7)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 7 {
			t.Errorf("%q: got %v and error %v, want an error and no change", text, d, err)
		}
	}
}

func TestDurationPrintsTheLargestExactUnit(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0", 72 * time.Hour: "3d", 36 * time.Hour: "36h", 90 * time.Second: "90s", 2 * time.Minute: "2m",
		1500 * time.Millisecond: "1500ms", 7 * time.Microsecond: "7us", 1: "1ns",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestScalarsComeBackFromTheirText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		units := []time.Duration{1, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, time.Duration(day)}
		unit := rapid.SampledFrom(units).Draw(t, "unit")
		d := Duration(unit * time.Duration(rapid.Int64Range(0, math.MaxInt64/int64(unit)).Draw(t, "count")))
		var readD Duration
		if err := readD.UnmarshalText([]byte(d.String())); err != nil || readD != d {
			t.Fatalf("duration %d printed as %q read as %d, %v", d, d, readD, err)
		}
		size := rapid.SampledFrom([]Bytes{1, KiB, MiB, GiB}).Draw(t, "size")
		b := size * Bytes(rapid.Int64Range(0, 1<<33-1).Draw(t, "many"))
		var readB Bytes
		if err := readB.UnmarshalText([]byte(b.String())); err != nil || readB != b {
			t.Fatalf("size %d printed as %q read as %d, %v", b, b, readB, err)
		}
	})
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Bytes{"0": 0, "4096": 4096, "12B": 12, "32KiB": 32768, "10MiB": 10485760, "1GiB": 1073741824} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: got %v, %v, want %v", text, int64(b), err, int64(want))
		}
	}
	for _, text := range []string{"", "10MB", "10M", "10 MiB", "-1", "1.5MiB", "MiB", "9999999999GiB", "999999999999999999KiB"} {
		b := Bytes(7)
		if err := b.UnmarshalText([]byte(text)); err == nil || b != 7 {
			t.Errorf("%q: got %v and error %v, want an error and no change", text, b, err)
		}
	}
}

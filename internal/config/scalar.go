package config

import (
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Duration is a [time.Duration] that is written with days too: 20ms, 15s, 72h, 1d12h. It is never negative.
type Duration time.Duration

const day = Duration(24 * time.Hour)

var (
	durationText = regexp.MustCompile(`^(?:(\d{1,6})d)?([0-9.a-zµμ]*)$`)
	bytesText    = regexp.MustCompile(`^(\d{1,18})(B|KiB|MiB|GiB)?$`)
)

// UnmarshalText reads what [Duration.String] prints, and everything that [time.ParseDuration] does but signs.
func (d *Duration) UnmarshalText(text []byte) error {
	sum, err := parseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%s is no duration; write it like 20ms, 15s, 72h or 90d", quoted(string(text)))
	}
	*d = sum
	return nil
}

func parseDuration(s string) (Duration, error) {
	m := durationText.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, strconv.ErrSyntax
	}
	var sum Duration
	if m[1] != "" {
		days, err := strconv.Atoi(m[1])
		if err != nil || Duration(days) > math.MaxInt64/day {
			return 0, strconv.ErrRange
		}
		sum = Duration(days) * day
	}
	if m[2] != "" {
		rest, err := time.ParseDuration(m[2])
		if err != nil || Duration(rest) > math.MaxInt64-sum {
			return 0, strconv.ErrRange
		}
		sum += Duration(rest)
	}
	return sum, nil
}

// String is the shortest exact form, in the largest unit that leaves no rest: 3d, 36h, 90s, 1500ms.
func (d Duration) String() string {
	units := []struct {
		name string
		size Duration
	}{
		{"d", day},
		{"h", Duration(time.Hour)},
		{"m", Duration(time.Minute)},
		{"s", Duration(time.Second)},
		{"ms", Duration(time.Millisecond)},
		{"us", Duration(time.Microsecond)},
	}
	for _, u := range units {
		if d != 0 && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	if d == 0 {
		return "0"
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// MarshalText is [Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// LogValue is [Duration.String].
func (d Duration) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Bytes is a size, written in bytes or with a binary unit: 4096, 32KiB, 10MiB, 1GiB.
type Bytes int64

// Binary sizes.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

// UnmarshalText reads what [Bytes.String] prints. Decimal units such as MB are refused: few mean a million by them.
func (b *Bytes) UnmarshalText(text []byte) error {
	m := bytesText.FindStringSubmatch(string(text))
	if m == nil {
		return fmt.Errorf("%s is no size; write it like 4096, 32KiB, 10MiB or 1GiB", quoted(string(text)))
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := map[string]Bytes{"": 1, "B": 1, "KiB": KiB, "MiB": MiB, "GiB": GiB}[m[2]]
	if err != nil || Bytes(n) > math.MaxInt64/unit {
		return fmt.Errorf("%s is too large a size", quoted(string(text)))
	}
	*b = Bytes(n) * unit
	return nil
}

// String is the exact size in the largest unit that leaves no rest.
func (b Bytes) String() string {
	switch {
	case b == 0:
		return "0"
	case b%GiB == 0:
		return strconv.FormatInt(int64(b/GiB), 10) + "GiB"
	case b%MiB == 0:
		return strconv.FormatInt(int64(b/MiB), 10) + "MiB"
	case b%KiB == 0:
		return strconv.FormatInt(int64(b/KiB), 10) + "KiB"
	default:
		return strconv.FormatInt(int64(b), 10)
	}
}

// MarshalText is [Bytes.String].
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// LogValue is [Bytes.String].
func (b Bytes) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Number is a decimal that is never negative: 0.5, 3, 1500.
type Number float64

var numberText = regexp.MustCompile(`^\d{1,9}(\.\d{1,9})?$`)

// UnmarshalText reads what [Number.String] prints.
func (n *Number) UnmarshalText(text []byte) error {
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !numberText.Match(text) {
		return fmt.Errorf("%s is no number; write it like 0.5, 3 or 1500", quoted(string(text)))
	}
	*n = Number(value)
	return nil
}

// String is the shortest decimal.
func (n Number) String() string { return strconv.FormatFloat(float64(n), 'f', -1, 64) }

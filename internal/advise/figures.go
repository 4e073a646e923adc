package advise

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Traffic is what the memory and the load of a window are computed from.
type Traffic struct {
	BytesPerKey     float64       // of Redis, all told
	EventsPerSecond float64       // first deliveries
	Span            time.Duration // over which the repeats were counted
}

// Figures is what one window would do.
type Figures struct {
	Window time.Duration
	Caught float64 // share of the repeats, at least
	// DatabaseHitsPerDay is how many repeats a day only the database catches, at most.
	DatabaseHitsPerDay float64
	RedisBytes         int64
}

// FiguresOf says what a window would do.
func (l *Lags) FiguresOf(window time.Duration, t Traffic) Figures {
	f := Figures{
		Window: window, Caught: l.Share(window),
		RedisBytes: int64(math.Ceil(t.BytesPerKey * t.EventsPerSecond * window.Seconds())),
	}
	if days := t.Span.Hours() / 24; days > 0 {
		f.DatabaseHitsPerDay = float64(l.Repeats()-l.Caught(window)) / days
	}
	return f
}

// Text is the figures as a sentence.
func (f Figures) Text() string {
	return fmt.Sprintf(
		"A window of %s catches at least %s of the repeats in Redis, leaves at most %s a day to the database, and takes about %s of Redis.",
		Span(f.Window), Percent(f.Caught), rounded(f.DatabaseHitsPerDay), Bytes(f.RedisBytes))
}

// Percent shows a share without ever rounding it up to all of them.
func Percent(share float64) string {
	switch {
	case share <= 0:
		return "0 %"
	case share >= 1:
		return "100 %"
	default:
		return fmt.Sprintf("%.1f %%", math.Floor(share*1000)/10)
	}
}

// Span is the shortest exact form of a duration, as the configuration writes it: 3d, 36h, 90s.
func Span(d time.Duration) string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if d != 0 && d%u.size == 0 {
			return fmt.Sprintf("%d%s", d/u.size, u.name)
		}
	}
	return d.String()
}

// About is a length of time in its largest unit, never longer than it is: 2 days, 5 hours, 20 minutes.
func About(d time.Duration) string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		switch n := d / u.size; {
		case n == 1:
			return "1 " + u.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return "less than a minute"
}

// grouped shows a number with its thousands apart: 119,597.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// rounded shows a number of repeats with no more digits than matter, never less than it is.
func rounded(n float64) string {
	if n == 0 || n >= 10 {
		return grouped(int64(math.Ceil(n)))
	}
	return fmt.Sprintf("%.1f", math.Ceil(n*10)/10)
}

// Bytes shows a size in the largest binary unit below it.
func Bytes(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

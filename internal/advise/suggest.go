package advise

import (
	"fmt"
	"time"
)

const (
	// enough repeats make advice worth more than the default is.
	enough = 100
	// good is the share of all that any window would catch from which on a longer window gains next to nothing.
	good = 0.995
	// grave is the loss against that from which on a change is advised.
	grave = 0.98
	// manyInFlight is the share of repeats in flight that is worth a sentence.
	manyInFlight = 0.01
	// roomy is how many times longer than needed a window must be before a shorter one is advised.
	roomy = 4
)

// candidates are the windows that are suggested: what people would write.
func candidates() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{
		5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour, 18 * time.Hour,
		day, 36 * time.Hour, 2 * day, 3 * day, 5 * day, 7 * day, 14 * day, 30 * day, 60 * day, 90 * day,
	}
}

// Verdict is what is to be said of the window in force.
type Verdict string

// The verdicts.
const (
	Unknown  Verdict = "unknown"   // there are too few repeats, or none that any window would catch
	Right    Verdict = "right"     // another would do no better
	Change   Verdict = "change"    // another would do better, or as well with less memory
	TooEarly Verdict = "too_early" // it looks too long, but repeats were not watched for long enough to say so
)

// Suggestion is advice about a window.
type Suggestion struct {
	Verdict Verdict
	// Window is what to set; 0 without a [Change].
	Window time.Duration
	Text   string
}

// LongEnough is how long repeats have to be watched for before a window may be called too long: for the window itself, and
// until the last retry of a sender that has a schedule, which is Apify's or none. Before that, repeats that need the window
// may be still to come.
func LongEnough(window time.Duration, schedule []Retry) time.Duration {
	if len(schedule) == 0 {
		return window
	}
	return max(window, lastRetry)
}

// Suggest compares the window in force with the shortest one that catches nearly all that any would. schedule is that of the
// sender's retries, [ApifyRetries] or none.
func (l *Lags) Suggest(current time.Duration, schedule []Retry) Suggestion {
	repeats := l.Repeats()
	if repeats < enough {
		return Suggestion{Verdict: Unknown, Text: fmt.Sprintf("Only %d repeats are known: too few to advise.%s", repeats, coverage(current, schedule))}
	}
	all := candidates()
	longest := all[len(all)-1]
	most := l.Share(longest)
	if most == 0 {
		return Suggestion{Verdict: Unknown, Text: fmt.Sprintf(
			"None of %s repeats would be caught even by a window of %s: they come in flight or later than that. The database catches them.",
			grouped(repeats), Span(longest))}
	}
	needed := longest
	for _, w := range all {
		if l.Share(w) >= good*most {
			needed = w
			break
		}
	}
	now := l.Share(current)
	caught := fmt.Sprintf("The window of %s catches at least %s of %s repeats.%s", Span(current), Percent(now), grouped(repeats), l.inFlight())
	switch {
	case now < grave*most:
		return Suggestion{Change, needed, fmt.Sprintf("%s %s would catch at least %s.", caught, Span(needed), Percent(l.Share(needed)))}
	case current <= roomy*needed:
		return Suggestion{Verdict: Right, Text: caught + " It is right as it is."}
	case l.Watched < LongEnough(current, schedule):
		return Suggestion{Verdict: TooEarly, Text: fmt.Sprintf("%s Keep it for now: repeats were watched for %s only, and later ones may be "+
			"still to come. Whether a shorter window would do is said after %s.", caught, About(l.Watched), Span(LongEnough(current, schedule)))}
	default:
		return Suggestion{Change, needed, fmt.Sprintf("%s %s would catch nearly as many, at least %s, with %s less memory.%s",
			caught, Span(needed), Percent(l.Share(needed)), Percent(1-float64(needed)/float64(current)), coverage(needed, schedule))}
	}
}

// inFlight is a further sentence about repeats in flight, where they are many.
func (l *Lags) inFlight() string {
	part := share(l.RepeatsInFlight(), l.Repeats())
	if part < manyInFlight {
		return ""
	}
	return fmt.Sprintf(" %s came while the first was still being decided: no window catches those.", Percent(part))
}

// coverage is a further sentence about how much of a schedule a window reaches; "" without one.
func coverage(window time.Duration, schedule []Retry) string {
	n := reached(window, schedule)
	switch {
	case len(schedule) == 0:
		return ""
	case n < len(schedule):
		return fmt.Sprintf(" Of Apify's %d retries it surely reaches %d; the database catches the others.", len(schedule), n)
	default:
		return fmt.Sprintf(" It reaches all %d of Apify's retries.", n)
	}
}

package delivery

import (
	"math"
	"time"
)

// Retry says how often and when a failed attempt is made again.
type Retry struct {
	// Attempts is the number of attempts after which a delivery is dead, the first one included.
	Attempts int
	// First is the wait after the first failed attempt; each further one is Factor times as long, up to Max.
	First  time.Duration
	Factor float64
	Max    time.Duration
}

// Wait is the time from the failed attempt of that number (counted from 1) to the next one. chance is a random number in
// [0, 1): a fifth of the wait is spread by it in both directions, so that what failed together does not come back together.
func (r Retry) Wait(attempt int, chance float64) time.Duration {
	wait := min(float64(r.First)*math.Pow(r.Factor, float64(attempt-1)), float64(r.Max))
	return time.Duration(wait * (0.8 + 0.4*chance))
}

// Exhausted reports whether the attempt of that number was the last.
func (r Retry) Exhausted(attempt int) bool { return attempt >= r.Attempts }

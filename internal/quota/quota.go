// Package quota says how often something may happen: so many times in a period, all of them at once if need be, and then
// evenly spaced (the generic cell rate algorithm, of which one point in time is all the state). It is pure and may be
// imported by anyone.
//
// [Local] counts inside one process, in bounded memory. Where several gateways share a count, internal/redisfront keeps it
// in Redis, with the same algorithm, and falls back on a Local.
package quota

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Quota allows Count in each Per. The zero value sets no limit.
type Quota struct {
	Count int
	Per   time.Duration
}

// Unlimited is how a quota without a limit is written.
const Unlimited = "off"

var written = regexp.MustCompile(`^([1-9][0-9]{0,8})/([smh])$`)

// Parse reads "off", or a count and a unit: 50/s, 600/m, 10000/h.
func Parse(text string) (Quota, error) {
	if text == Unlimited {
		return Quota{}, nil
	}
	m := written.FindStringSubmatch(text)
	if m == nil {
		return Quota{}, fmt.Errorf("want %s, or a count and a unit, like 50/s, 600/m or 10000/h", Unlimited)
	}
	count, err := strconv.Atoi(m[1])
	if err != nil {
		return Quota{}, err
	}
	return Quota{count, map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[m[2]]}, nil
}

// IsZero reports that there is no limit.
func (q Quota) IsZero() bool { return q.Count <= 0 || q.Per <= 0 }

// each is what one costs in nanoseconds.
func (q Quota) each() float64 { return float64(q.Per) / float64(q.Count) }

// take charges up to n at now, full being when everything charged so far is paid off, both in Unix nanoseconds. It gives
// how many are allowed, the new point, and how long the first that is not allowed has to wait.
func (q Quota) take(full, now int64, n int) (allowed int, next int64, wait time.Duration) {
	full = max(full, now)
	room := float64(q.Per) - float64(full-now)
	// A nanosecond's rounding must not cost a whole one.
	allowed = min(n, int(math.Floor((room+1)/q.each())))
	allowed = max(allowed, 0)
	next = full + int64(math.Round(float64(allowed)*q.each()))
	if allowed == n {
		return allowed, next, 0
	}
	return allowed, next, max(time.Duration(math.Ceil(q.each()-float64(q.Per)+float64(next-now))), 1)
}

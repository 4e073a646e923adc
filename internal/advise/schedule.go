package advise

import "time"

// Retry is one of Apify's retries, counted from the first failed attempt.
type Retry struct {
	Number                    int
	Nominal, Earliest, Latest time.Duration
}

const (
	retries    = 11
	firstRetry = time.Minute // every further wait is twice as long
	// jitter is how far Apify's random part moves each wait, either way.
	jitter = 0.25
	// lastRetry is when Apify's last retry has surely come: with the longest waits, and timeouts before each.
	lastRetry = 43 * time.Hour
)

// ApifyRetries is Apify's schedule: eleven retries, the last after 34 hours, give or take a quarter. Attempts that end in
// a timeout of two minutes come on top.
func ApifyRetries() []Retry {
	list := make([]Retry, 0, retries)
	var sum time.Duration
	for n := range retries {
		sum += firstRetry << n
		list = append(list, Retry{
			Number: n + 1, Nominal: sum,
			Earliest: time.Duration(float64(sum) * (1 - jitter)), Latest: time.Duration(float64(sum) * (1 + jitter)),
		})
	}
	return list
}

// reached counts the retries that a window surely reaches.
func reached(window time.Duration, schedule []Retry) (n int) {
	for _, r := range schedule {
		if r.Latest <= window {
			n++
		}
	}
	return n
}

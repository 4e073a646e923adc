package forward

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// longestRetryAfter caps what a receiver can ask for with Retry-After.
const longestRetryAfter = 6 * time.Hour

// decide says what an answer means for the delivery. chance is a random number in [0, 1).
func decide(policy delivery.Retry, s *delivery.Shipment, a *answer, now time.Time, chance float64) delivery.Result {
	r := delivery.Result{Attempt: delivery.Attempt{
		DeliveryID: s.ID, Number: s.Attempt, StartedAt: a.started, Took: a.took, Status: a.status, Answer: a.body,
	}}
	tries := s.Attempt - s.Forgiven
	switch {
	case a.status >= 200 && a.status < 300:
		r.State = delivery.Delivered
	case a.cut != nil:
		r.State, r.Next, r.Error = delivery.Retrying, now, "cut off: "+a.cut.Error()
	case a.status == http.StatusGone:
		r.State, r.Error = delivery.Dead, "the receiver answered 410 Gone: it does not want this event"
	case policy.Exhausted(tries):
		r.State, r.Error = delivery.Dead, failure(a)
	default:
		wait := max(policy.Wait(tries, chance), retryAfter(a.retryAfter, now))
		r.State, r.Next, r.Error = delivery.Retrying, now.Add(wait), failure(a)
	}
	return r
}

// nothingToSend is the end of a delivery whose body retention has taken.
func nothingToSend(s *delivery.Shipment, now time.Time) delivery.Result {
	return delivery.Result{
		State: delivery.Dead,
		Attempt: delivery.Attempt{
			DeliveryID: s.ID, Number: s.Attempt, StartedAt: now,
			Error: "nothing to send: the event's body is older than body_retention and has been removed",
		},
	}
}

func failure(a *answer) string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("the receiver answered %s: redirects are not followed", statusLine(a.status))
	default:
		return "the receiver answered " + statusLine(a.status)
	}
}

func statusLine(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// retryAfter reads the header of that name, seconds or a date; what makes no sense is no wait.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestRetryAfter)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, min(at.Sub(now), longestRetryAfter))
	}
	return 0
}

// receiverWell reports whether an answer tells of a receiver that works, even if it did not want this event. The others
// open the breaker.
func receiverWell(a *answer) bool {
	return a.status > 0 && a.status < 500 && a.status != http.StatusTooManyRequests && a.status != http.StatusRequestTimeout
}

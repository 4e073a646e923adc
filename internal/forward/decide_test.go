package forward

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	policy := delivery.Retry{Attempts: 3, First: 10 * time.Second, Factor: 2, Max: time.Minute}
	for name, c := range map[string]struct {
		attempt int
		answer  answer
		state   delivery.State
		wait    time.Duration
		err     string
	}{
		"200":                           {1, answer{status: 200}, delivery.Delivered, 0, ""},
		"299 at the last attempt":       {3, answer{status: 299}, delivery.Delivered, 0, ""},
		"204 while the gateway stops":   {1, answer{status: 204}, delivery.Delivered, 0, ""},
		"500":                           {1, answer{status: 500}, delivery.Retrying, 10 * time.Second, "answered 500 Internal Server Error"},
		"a second 500":                  {2, answer{status: 500}, delivery.Retrying, 20 * time.Second, "500"},
		"the last 500":                  {3, answer{status: 500}, delivery.Dead, 0, "500"},
		"more attempts than allowed":    {9, answer{status: 500}, delivery.Dead, 0, "500"},
		"400":                           {1, answer{status: 400}, delivery.Retrying, 10 * time.Second, "400 Bad Request"},
		"302":                           {1, answer{status: 302}, delivery.Retrying, 10 * time.Second, "redirects are not followed"},
		"a status nobody knows":         {1, answer{status: 799}, delivery.Retrying, 10 * time.Second, "answered 799"},
		"410":                           {1, answer{status: 410, retryAfter: "60"}, delivery.Dead, 0, "410 Gone"},
		"no answer":                     {1, answer{err: errors.New("no answer within 5s")}, delivery.Retrying, 10 * time.Second, "no answer within 5s"},
		"the last without an answer":    {3, answer{err: errors.New("no answer within 5s")}, delivery.Dead, 0, "no answer within 5s"},
		"cut off":                       {1, answer{err: errors.New("x"), cut: errStopped}, delivery.Retrying, 0, "the gateway had to stop"},
		"the last one cut off":          {3, answer{err: errors.New("x"), cut: errStopped}, delivery.Retrying, 0, "the gateway had to stop"},
		"Retry-After in seconds":        {1, answer{status: 429, retryAfter: "120"}, delivery.Retrying, 2 * time.Minute, "429"},
		"Retry-After as a date":         {1, answer{status: 503, retryAfter: now.Add(time.Hour).Format(http.TimeFormat)}, delivery.Retrying, time.Hour, "503"},
		"Retry-After before the policy": {1, answer{status: 503, retryAfter: "1"}, delivery.Retrying, 10 * time.Second, "503"},
		"Retry-After for ever":          {1, answer{status: 503, retryAfter: "2000000000"}, delivery.Retrying, longestRetryAfter, "503"},
		"Retry-After in another age":    {1, answer{status: 503, retryAfter: now.AddDate(80, 0, 0).Format(http.TimeFormat)}, delivery.Retrying, longestRetryAfter, "503"},
		"Retry-After in the past":       {1, answer{status: 503, retryAfter: now.AddDate(-80, 0, 0).Format(http.TimeFormat)}, delivery.Retrying, 10 * time.Second, "503"},
		"Retry-After without sense":     {1, answer{status: 503, retryAfter: "soon"}, delivery.Retrying, 10 * time.Second, "503"},
		"Retry-After below zero":        {1, answer{status: 503, retryAfter: "-5"}, delivery.Retrying, 10 * time.Second, "503"},
		"Retry-After at the last one":   {3, answer{status: 503, retryAfter: "5"}, delivery.Dead, 0, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shipmentFor("app")
			s.Attempt = c.attempt
			r := decide(policy, &s, &c.answer, now, 0.5) // 0.5: the wait is not spread
			if r.State != c.state || !strings.Contains(r.Error, c.err) || (r.Error == "") != (c.err == "") {
				t.Errorf("got %s, %q", r.State, r.Error)
			}
			if r.State == delivery.Retrying != !r.Next.IsZero() {
				t.Errorf("%s with a next attempt at %v", r.State, r.Next)
			}
			if got := r.Next.Sub(now); !r.Next.IsZero() && got != c.wait {
				t.Errorf("waits %s, want %s", got, c.wait)
			}
			if r.DeliveryID != s.ID || r.Number != c.attempt || r.Status != c.answer.status {
				t.Errorf("it is about something else: %+v", r.Attempt)
			}
		})
	}
}

func TestForgivenAttemptsDoNotCount(t *testing.T) {
	t.Parallel()
	s := shipmentFor("app")
	s.Attempt, s.Forgiven = 4, 3
	now := time.Now()
	r := decide(delivery.Retry{Attempts: 3, First: time.Second, Factor: 10, Max: time.Hour}, &s, &answer{status: 500}, now, 0.5)
	if r.State != delivery.Retrying || r.Next.Sub(now) != time.Second || r.Number != 4 {
		t.Errorf("attempt %d is %s, the next one comes after %s", r.Number, r.State, r.Next.Sub(now))
	}
}

func TestNoDeliveryIsAttemptedForEver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := delivery.Retry{
			Attempts: rapid.IntRange(1, 50).Draw(t, "attempts"), First: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "first")),
			Factor: rapid.Float64Range(1, 10).Draw(t, "factor"), Max: time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "max")),
		}
		a := answer{status: rapid.IntRange(300, 599).Draw(t, "status"), retryAfter: strconv.Itoa(rapid.Int().Draw(t, "retry after"))}
		now := time.Now()
		s := shipmentFor("app")
		for s.Attempt = 1; ; s.Attempt++ {
			r := decide(policy, &s, &a, now, rapid.Float64Range(0, 0.999).Draw(t, "chance"))
			if r.State == delivery.Dead {
				return
			}
			if wait := r.Next.Sub(now); wait < 0 || wait > max(longestRetryAfter, policy.Max*12/10) {
				t.Fatalf("waits %s", wait)
			}
			if s.Attempt >= policy.Attempts {
				t.Fatalf("goes on after attempt %d of %d", s.Attempt, policy.Attempts)
			}
		}
	})
}

func TestOnlyTheReceiversOwnTroubleOpensTheBreaker(t *testing.T) {
	t.Parallel()
	for status, well := range map[int]bool{
		0: false, 200: true, 204: true, 302: true, 400: true, 404: true, 408: false, 410: true, 422: true, 429: false, 500: false, 503: false,
	} {
		if receiverWell(&answer{status: status}) != well {
			t.Errorf("%d: well must be %t", status, well)
		}
	}
}

func TestErrorsAreFitForAnyDatabase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got := plain(string(rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "text")))
		if strings.ToValidUTF8(got, "") != got || strings.ContainsAny(got, "\x00\r\n\x1b") || len(got) > 600 {
			t.Fatalf("%q", got)
		}
	})
}

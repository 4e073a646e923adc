package apify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/apify/apifytest"
	"github.com/dedupgate/dedupgate/internal/dedup"
)

// canary is the account's token in these tests: nothing that is printed may contain it.
const canary = "apify_api_c4n4ry"

// newTestClient asks an account without a network, so that time can be a bubble's.
func newTestClient(t *testing.T, api http.RoundTripper, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{Token: canary, Transport: api, PerSecond: 1000}
	for _, f := range change {
		f(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var moment = time.Date(2026, 9, 14, 8, 4, 21, 640_000_000, time.UTC)

func TestClientReadsDocuments(t *testing.T) {
	t.Parallel()
	api := apifytest.New(canary)
	server := api.Start()
	defer server.Close()
	api.PutRun(apifytest.Run("ojue2pKvaKRjkewuJ", "TIMED-OUT", moment))
	api.PutDispatch(apifytest.Dispatch("SExv8QzmugdNukKjN", DispatchFailed, "w1", "https://x/", "ACTOR.RUN.TIMED_OUT", "ojue2pKvaKRjkewuJ", moment))
	c, err := NewClient(Options{URL: server.URL, Token: canary})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	job, err := c.Job(t.Context(), dedup.RunRef{Kind: dedup.KindRun, ID: "ojue2pKvaKRjkewuJ"})
	if err != nil || job.End() != dedup.StatusTimedOut || !job.FinishedAt.Equal(moment) || job.UserID != apifytest.UserID {
		t.Errorf("run: %+v, %v", job, err)
	}
	if !bytes.Contains(job.Document, []byte(`"runTimeSecs":258.523`)) {
		t.Errorf("the document is not kept: %s", job.Document)
	}
	d, err := c.Dispatch(t.Context(), "SExv8QzmugdNukKjN")
	if err != nil || d.Run() != (dedup.RunRef{Kind: dedup.KindRun, ID: job.ID}) || d.Status != DispatchFailed || d.Calls[0].ResponseStatus != 503 {
		t.Errorf("dispatch: %+v, %v", d, err)
	}
	if id, err := c.UserID(t.Context()); err != nil || id != apifytest.UserID {
		t.Errorf("user: %q, %v", id, err)
	}
	if _, err = c.Job(t.Context(), dedup.RunRef{Kind: dedup.KindBuild, ID: "nosuchbuild"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a build that is not there: %v", err)
	}
}

func TestClientReadsEveryPageOnceWhileTheListGrows(t *testing.T) {
	t.Parallel()
	api := apifytest.New(canary)
	put := func(n int) {
		api.PutDispatch(apifytest.Dispatch(fmt.Sprintf("d%04d", n), DispatchSucceeded, "w", "https://x/", "ACTOR.RUN.FAILED", "r", moment.Add(time.Duration(n)*time.Second)))
	}
	const start = 3*pageSize + 7
	for n := range start {
		put(n)
	}
	grown := start
	api.BeforePage(func() {
		for range 100 {
			put(grown)
			grown++
		}
	})
	seen := map[string]int{}
	for d, err := range newTestClient(t, api).Dispatches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[d.ID]++
	}
	for n := range start {
		if id := fmt.Sprintf("d%04d", n); seen[id] != 1 {
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
}

func TestClientGivesUpOnAListingThatDoesNotMove(t *testing.T) {
	t.Parallel()
	stuck := roundTrip(func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		fmt.Fprint(w, `{"data":{"total":100000,"items":[{"id":"a"},{"id":"b"}]}}`)
		return w.Result(), nil
	})
	var last error
	for _, err := range newTestClient(t, stuck).Webhooks(t.Context()) {
		last = err
	}
	if !errors.Is(last, ErrAnswer) {
		t.Errorf("got %v", last)
	}
}

func TestClientTriesAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		status      int
		retryAfter  string
		times       int
		least, most time.Duration
		fails       error
	}{
		{"after 429, as long as it is told to wait", 429, "7", 1, 7 * time.Second, 8 * time.Second, nil},
		{"after 429 until a date", 429, "Sat, 01 Jan 2000 00:00:20 GMT", 1, 19 * time.Second, 21 * time.Second, nil},
		{"after 5xx, each wait twice as long", 502, "", 4, (250 + 500 + 1000 + 2000) * time.Millisecond, 8 * time.Second, nil},
		{"a few times only", 500, "", 6, 7 * time.Second, time.Minute, ErrUnavailable},
		{"not when it is told to wait for an hour", 429, "3600", 1, 0, time.Second, ErrUnavailable},
		{"not after 403", 403, "", 1, 0, time.Second, ErrRefused},
		{"not after 404", 404, "", 1, 0, time.Second, ErrNotFound},
		{"not after a redirect", 302, "", 1, 0, time.Second, ErrAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := apifytest.New(canary)
				api.PutRun(apifytest.Run("r1", "SUCCEEDED", moment))
				for range c.times {
					api.Fail("/actor-runs/", c.status, c.retryAfter)
				}
				start := time.Now()
				_, err := newTestClient(t, api).Job(t.Context(), dedup.RunRef{Kind: dedup.KindRun, ID: "r1"})
				if !errors.Is(err, c.fails) {
					t.Errorf("got %v, want %v", err, c.fails)
				}
				if took := time.Since(start); took < c.least || took > c.most {
					t.Errorf("took %s, want %s to %s", took, c.least, c.most)
				}
			})
		})
	}
}

func TestClientKeepsItsPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := apifytest.New(canary)
		c := newTestClient(t, api, func(o *Options) { o.PerSecond = 10 })
		start := time.Now()
		done := make(chan error)
		for range 21 {
			go func() { _, err := c.UserID(t.Context()); done <- err }()
		}
		for range 21 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("21 calls at 10 a second took %s, want 2s", took)
		}
	})
}

func TestClientHoldsAllCallsBackAfter429(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := apifytest.New(canary)
		c := newTestClient(t, api)
		api.Fail("/users/", 429, "30")
		go func() { _, _ = c.UserID(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := c.UserID(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a call that could not be made in time took %s to fail", took)
		}
	})
}

func TestClientEndsATryThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		_, err := newTestClient(t, hangs, func(o *Options) { o.Tries = 2 }).UserID(t.Context())
		if took := time.Since(start); !errors.Is(err, ErrUnavailable) || took < time.Minute || took > 62*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestClientRefusesAnswersItCantTrust(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"too long":     `{"data":{"id":"` + strings.Repeat("x", 2000) + `"}}`,
		"not JSON":     `<html>`,
		"no data":      `{"result":{}}`,
		"data of null": `{"data":null}`,
		"wrong type":   `{"data":{"id":7}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			api := roundTrip(func(*http.Request) (*http.Response, error) {
				calls++
				w := httptest.NewRecorder()
				fmt.Fprint(w, answer)
				return w.Result(), nil
			})
			_, err := newTestClient(t, api, func(o *Options) { o.MaxAnswer = 1000 }).UserID(t.Context())
			if !errors.Is(err, ErrAnswer) || calls != 1 {
				t.Errorf("%d calls, %v", calls, err)
			}
		})
	}
}

func TestClientTakesItsTokenNowhereElse(t *testing.T) {
	t.Parallel()
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = append(elsewhere, r.URL.String()) }))
	defer other.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer redirecting.Close()
	c, err := NewClient(Options{URL: redirecting.URL, Token: canary})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.UserID(t.Context()); !errors.Is(err, ErrAnswer) || len(elsewhere) > 0 {
		t.Errorf("followed to %v: %v", elsewhere, err)
	}
}

func TestClientAsksForIDsOnly(t *testing.T) {
	t.Parallel()
	api := apifytest.New(canary)
	c := newTestClient(t, api)
	for _, id := range []string{"", "..", "a/b", "a?b", "{{resource.id}}", strings.Repeat("x", 200)} {
		if _, err := c.Dispatch(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		for _, err := range c.Runs(t.Context(), Condition{ActorID: id}, moment) {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("runs of %q: %v", id, err)
			}
		}
	}
	if n := len(api.Requests()); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no token":              {},
		"a token with a break":  {Token: canary + "\r\nX: y"},
		"http to a remote host": {Token: canary, URL: "http://api.apify.com"},
		"a user in the URL":     {Token: canary, URL: "https://" + canary + "@api.apify.com"},
		"a query":               {Token: canary, URL: "https://api.apify.com?token=" + canary},
		"another scheme":        {Token: canary, URL: "ftp://api.apify.com"},
		"nonsense":              {Token: canary, URL: "://" + canary},
	} {
		if _, err := NewClient(o); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, good := range []string{"", "https://api.apify.com/", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"} {
		if _, err := NewClient(Options{Token: canary, URL: good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestNothingShowsTheToken(t *testing.T) {
	t.Parallel()
	api := apifytest.New("another token")
	c := newTestClient(t, api)
	_, err := c.UserID(t.Context())
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("client", "client", c, "error", err)
	for _, printed := range []string{log.String(), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(printed, canary) {
			t.Errorf("shows the token: %s", printed)
		}
	}
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "user-or-token-not-found") {
		t.Errorf("got %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/view"
)

const secret = "dgadm_a-token-that-must-not-be-shown"

// gateway answers every request with one handler and gives a client of it.
func gateway(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return clientOf(t, server.URL, client.Options{})
}

func clientOf(t *testing.T, url string, opts client.Options) *client.Client {
	t.Helper()
	opts.BaseURL, opts.Token = url, secret
	c, err := client.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 9, 14, 10, 0, 0, 500e6, time.FixedZone("", 7200))
	span := view.Range{Since: at, Until: at.Add(time.Hour)}
	paging := view.Paging{Limit: 7, Cursor: "c+/="}
	replayed := false
	const since = "since=2026-09-14T08%3A00%3A00.5Z"
	const until = "until=2026-09-14T09%3A00%3A00.5Z"
	tests := map[string]struct {
		call func(context.Context, *client.Client) error
		want string
	}{
		"runs": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Runs(ctx, view.RunQuery{Range: span, Paging: paging, Source: "apify", Kind: "run", RunID: "r", Status: "FAILED", ActorID: "a", TaskID: "t"})
			return err
		}, "GET /api/v1/runs?actor_id=a&cursor=c%2B%2F%3D&kind=run&limit=7&run_id=r&" + since + "&source=apify&status=FAILED&task_id=t&" + until},
		"a run": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Run(ctx, "apify", "build", "a/b ?")
			return err
		}, "GET /api/v1/runs/a%2Fb%20%3F?kind=build&source=apify"},
		"events": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Events(ctx, view.EventQuery{Source: "apify", Type: "TEST", Kind: "run", RunID: "r", DispatchID: "d"})
			return err
		}, "GET /api/v1/events?dispatch_id=d&kind=run&run_id=r&source=apify&type=TEST"},
		"an event": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Event(ctx, "e")
			return err
		}, "GET /api/v1/events/e"},
		"other bodies": {func(ctx context.Context, c *client.Client) error {
			_, err := c.OtherBodies(ctx, "e")
			return err
		}, "GET /api/v1/events/e/other-bodies"},
		"receipts": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Receipts(ctx, view.ReceiptQuery{Source: "apify", Outcome: "duplicate", Reason: "window_hit", Repeat: "twin", EventID: "e"})
			return err
		}, "GET /api/v1/receipts?event_id=e&outcome=duplicate&reason=window_hit&repeat=twin&source=apify"},
		"quarantine": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Quarantine(ctx, view.QuarantineQuery{Source: "apify", Reason: "not_json", Replayed: &replayed})
			return err
		}, "GET /api/v1/quarantine?reason=not_json&replayed=false&source=apify"},
		"one of quarantine": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Quarantined(ctx, "q")
			return err
		}, "GET /api/v1/quarantine/q"},
		"stats": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Stats(ctx, span)
			return err
		}, "GET /api/v1/stats?" + since + "&" + until},
		"a replay": {func(ctx context.Context, c *client.Client) error {
			_, err := c.Replay(ctx, "q", "template \"fixed\"")
			return err
		}, `POST /api/v1/quarantine/q/replay {"reason":"template \"fixed\""}`},
	}
	for name, tt := range tests {
		t.Run(name+" ask for just that, with the token", func(t *testing.T) {
			t.Parallel()
			var got, token string
			c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, token = strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)), r.Header.Get("Authorization")
				answer(http.StatusOK, "application/json", "{}")(w, r)
			})
			if err := tt.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got != tt.want || token != "Bearer "+secret {
				t.Errorf("asked %s\n with %q\nwant  %s", got, token, tt.want)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	t.Run("a timeline is decoded into the words of view", func(t *testing.T) {
		t.Parallel()
		c := gateway(t, answer(http.StatusOK, "application/json",
			`{"run":{"run_id":"r","status":"SUCCEEDED","life":2},"events":[{"id":"e","seq":3}],"receipts":[{"id":"x","lag_ms":12}],"receipts_cut":true,"more":1}`))
		got, err := c.Run(t.Context(), "", "", "r")
		lag := int64(12)
		want := view.Timeline{
			Run:    view.Run{RunID: "r", Status: "SUCCEEDED", Life: 2},
			Events: []view.Event{{ID: "e", Seq: 3}}, Receipts: []view.Receipt{{ID: "x", LagMillis: &lag}}, ReceiptsCut: true,
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
	t.Run("a body comes back byte for byte", func(t *testing.T) {
		t.Parallel()
		const raw = "\x00\xff not JSON \r\n"
		c := gateway(t, answer(http.StatusOK, "application/octet-stream", raw))
		other := func(ctx context.Context, id string) ([]byte, error) { return c.OtherBody(ctx, id, "receipt") }
		for name, read := range map[string]func(context.Context, string) ([]byte, error){"event": c.EventBody, "quarantine": c.QuarantineBody, "repeat": other} {
			if got, err := read(t.Context(), "id"); err != nil || string(got) != raw {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	})
	t.Run("a replay says what became of it", func(t *testing.T) {
		t.Parallel()
		c := gateway(t, answer(http.StatusOK, "application/json", `{"outcome":"new","reason":"first_seen","event_id":"e"}`))
		got, err := c.Replay(t.Context(), "q", "why")
		if want := (client.Verdict{Outcome: "new", Reason: "first_seen", EventID: "e"}); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const problem = "application/problem+json"
	tests := map[string]struct {
		answer http.HandlerFunc
		is     error  // nil: a Problem
		status int    // of the Problem
		says   string // every word of it
		temp   bool
	}{
		"401 names the token that was refused": {
			answer: answer(401, problem, `{"status":401,"title":"Unauthorized","detail":"Send the admin token."}`),
			status: 401, says: "401|Send the admin token: the token from ./data/admin-token is not this gateway's|--api-token-file|DEDUPGATE_API_TOKEN",
		},
		"404 is not found": {
			answer: answer(404, problem, `{"status":404,"detail":"There is no such entry"}`), is: view.ErrNotFound,
			status: 404, says: "404|There is no such entry",
		},
		"409 keeps the gateway's words": {
			answer: answer(409, problem, `{"status":409,"detail":"More than one run has this id"}`), status: 409, says: "More than one run has this id",
		},
		"422 names the parameter": {
			answer: answer(422, problem, `{"detail":"validation failed","errors":[{"message":"want RFC 3339","location":"query.since","value":"x"}]}`),
			status: 422, says: "validation failed|query.since: want RFC 3339",
		},
		"503 may pass later": {
			answer: answer(503, problem, `{"title":"Service Unavailable"}`), status: 503, says: "Service Unavailable", temp: true,
		},
		"an empty problem still names its status": {answer: answer(500, problem, `{}`), status: 500, says: "Internal Server Error", temp: true},
		"the public listener is told apart": {
			answer: answer(404, "application/json; charset=utf-8", `{"status":"error","error":"not_found"}`), is: client.ErrForeign,
			says: "admin listener|8081|--api|404",
		},
		"a page for browsers is told apart": {answer: answer(200, "text/html", "<html>"), is: client.ErrForeign, says: "admin listener"},
		"a redirect is not followed": {
			answer: http.RedirectHandler("http://127.0.0.1:1/elsewhere", http.StatusFound).ServeHTTP, is: client.ErrForeign, says: "302",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.answer)
			t.Cleanup(server.Close)
			c := clientOf(t, server.URL, client.Options{TokenFrom: "./data/admin-token"})
			_, err := c.Event(t.Context(), "e")
			check(t, err, tt.is, tt.says)
			p, ok := errors.AsType[*client.Problem](err)
			if ok != (tt.status != 0) || ok && (p.Status != tt.status || p.Temporary() != tt.temp) {
				t.Errorf("problem %+v, want status %d, temporary %v", p, tt.status, tt.temp)
			}
		})
	}
	t.Run("401 without a token says that none was sent", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(answer(401, problem, `{"detail":"no"}`))
		t.Cleanup(server.Close)
		c, err := client.New(client.Options{BaseURL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Event(t.Context(), "e")
		check(t, err, nil, "no token was sent|admin-token")
	})
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	t.Run("a refused connection asks whether the gateway runs", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = clientOf(t, "http://"+address, client.Options{}).Stats(t.Context(), view.Range{})
		check(t, err, client.ErrUnreachable, address+"|is the gateway running?|--api|dedupgate serve")
	})
	t.Run("a hanging gateway is given up after the timeout", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(release) })
		_, err := clientOf(t, server.URL, client.Options{Timeout: 20 * time.Millisecond}).Stats(t.Context(), view.Range{})
		check(t, err, client.ErrUnreachable, "within 20ms")
	})
	t.Run("an answer that breaks off is no answer", func(t *testing.T) {
		t.Parallel()
		c := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"receipts":1`)
		})
		_, err := c.Stats(t.Context(), view.Range{})
		check(t, err, client.ErrUnreachable, "EOF")
	})
	t.Run("the caller's own cancellation is not the gateway's fault", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		c := gateway(t, func(http.ResponseWriter, *http.Request) { cancel() })
		_, err := c.Stats(ctx, view.Range{})
		if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
			t.Error(err)
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"127.0.0.1:8081", "ftp://x", "http://", "http://x?token=" + secret, "http://me:" + secret + "@x", "http://%zz"} {
		_, err := client.New(client.Options{BaseURL: text})
		check(t, err, nil, "not a URL like "+client.DefaultURL)
	}
	for text, want := range map[string]string{
		"": client.DefaultURL, "http://x:1/": "http://x:1", "https://x/gate/api/v1": "https://x/gate", "http://x/api/v1/#f": "http://x",
	} {
		c, err := client.New(client.Options{BaseURL: text})
		if err != nil || c.Address() != want {
			t.Errorf("%q: %v, %v; want %s", text, c.Address(), err, want)
		}
	}
	_, err := client.New(client.Options{Token: secret + "\n", TokenFrom: "the file"})
	check(t, err, nil, "the admin token from the file holds spaces or control characters")
	c := clientOf(t, client.DefaultURL, client.Options{})
	for _, id := range []string{"", ".", ".."} {
		_, err := c.Event(t.Context(), id)
		check(t, err, nil, fmt.Sprintf("%q is not an id", id))
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	pages := func(t *testing.T) *client.Client {
		return gateway(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("limit") != "2" || q.Get("source") != "apify" {
				answer(422, "application/problem+json", `{"detail":"filters were not repeated"}`)(w, r)
				return
			}
			switch q.Get("cursor") {
			case "":
				answer(200, "application/json", `{"items":[{"id":"5","run_id":"5"},{"id":"4","run_id":"4"}],"next":"a"}`)(w, r)
			case "a":
				answer(200, "application/json", `{"items":[{"id":"3","run_id":"3"}]}`)(w, r)
			case "stuck":
				answer(200, "application/json", `{"items":[{"id":"3"}],"next":"stuck"}`)(w, r)
			default:
				answer(400, "application/problem+json", `{"detail":"bad cursor"}`)(w, r)
			}
		})
	}
	paging := view.Paging{Limit: 2}
	t.Run("all of them follow the cursor to the end", func(t *testing.T) {
		t.Parallel()
		c := pages(t)
		got := map[string]string{}
		for v, err := range c.AllRuns(t.Context(), view.RunQuery{Paging: paging, Source: "apify"}) {
			got["runs"] += v.RunID + fmt.Sprint(err)
		}
		for v, err := range c.AllEvents(t.Context(), view.EventQuery{Paging: paging, Source: "apify"}) {
			got["events"] += v.ID + fmt.Sprint(err)
		}
		for v, err := range c.AllReceipts(t.Context(), view.ReceiptQuery{Paging: paging, Source: "apify"}) {
			got["receipts"] += v.ID + fmt.Sprint(err)
		}
		for v, err := range c.AllQuarantine(t.Context(), view.QuarantineQuery{Paging: paging, Source: "apify"}) {
			got["quarantine"] += v.ID + fmt.Sprint(err)
		}
		const all = "5<nil>4<nil>3<nil>"
		if diff := cmp.Diff(map[string]string{"runs": all, "events": all, "receipts": all, "quarantine": all}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the first error ends them", func(t *testing.T) {
		t.Parallel()
		n := 0
		for _, err := range pages(t).AllEvents(t.Context(), view.EventQuery{Paging: view.Paging{Limit: 2, Cursor: "bad"}, Source: "apify"}) {
			n++
			check(t, err, nil, "bad cursor")
		}
		if n != 1 {
			t.Errorf("%d items", n)
		}
	})
	t.Run("a listing that doesn't move on is an error", func(t *testing.T) {
		t.Parallel()
		for _, err := range pages(t).AllEvents(t.Context(), view.EventQuery{Paging: view.Paging{Limit: 2, Cursor: "stuck"}, Source: "apify"}) {
			check(t, err, client.ErrForeign, "doesn't move on")
		}
	})
	t.Run("a caller that has enough asks no further", func(t *testing.T) {
		t.Parallel()
		n := 0
		for range pages(t).AllEvents(t.Context(), view.EventQuery{Paging: paging, Source: "apify"}) {
			n++
			break
		}
		if n != 1 {
			t.Error(n)
		}
	})
}

// check wants an error of a kind that says each of the words (between bars) and never the token.
func check(t *testing.T, err, is error, says string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%v is not %v", err, is)
	}
	for word := range strings.SplitSeq(says, "|") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q doesn't say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("%q shows the token", err)
	}
}

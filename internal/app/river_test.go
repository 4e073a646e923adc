package app_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// River's own pages come with everything they load, behind the login, and change nothing.
func TestRiversPagesAreServedToLookAt(t *testing.T) {
	t.Parallel()
	app := newSink(t)
	r := start(t, "destinations:\n"+destinedTo("app", app, ""))
	ask := func(method, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.app.AdminAddr()+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("me", adminToken)
		res, err := sender.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	r.send(nil, runEvent(1, "ACTOR.RUN.SUCCEEDED"))
	app.waitFor(t, 1)

	status, page := ask(http.MethodGet, "/river/")
	assets := regexp.MustCompile(`(?:src|href)="(/river/[^"]+\.(?:js|css))"`).FindAllStringSubmatch(page, -1)
	if status != http.StatusOK || len(assets) < 2 {
		t.Fatalf("%d with %d assets: %s", status, len(assets), page)
	}
	for _, asset := range assets {
		if status, text := ask(http.MethodGet, asset[1]); status != http.StatusOK || text == "" {
			t.Errorf("%s: %d", asset[1], status)
		}
	}
	if status, queues := ask(http.MethodGet, "/river/api/queues"); status != http.StatusOK || !strings.Contains(queues, `"app"`) {
		t.Errorf("queues: %d %s", status, queues)
	}
	if status, text := ask(http.MethodPut, "/river/api/queues/app/pause"); status != http.StatusMethodNotAllowed {
		t.Errorf("a queue is paused through River: %d %s", status, text)
	}
}

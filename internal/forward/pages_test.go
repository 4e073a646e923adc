package forward

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestPagesShowAndNeverAct(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		f := b.start(destinationAt(t, "app", newSink(t, nil).URL))
		pages, err := f.UI("/river")
		must(t, err)
		ask := func(method, path string) (int, string) {
			t.Helper()
			answer := httptest.NewRecorder()
			pages.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("{}")))
			body, err := io.ReadAll(answer.Body)
			must(t, err)
			return answer.Code, string(body)
		}
		code, index := ask(http.MethodGet, "/river/")
		if code != 200 || !strings.Contains(index, "<title>River</title>") {
			t.Fatalf("%d: %s", code, index)
		}
		for _, asset := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(index, -1) {
			if code, _ := ask(http.MethodGet, asset[1]); code != 200 || !strings.HasPrefix(asset[1], "/river/") {
				t.Errorf("%s: %d", asset[1], code)
			}
		}
		if strings.Count(index, "<script") != 2 || strings.Contains(index, "<style") || strings.Contains(index, "onload") {
			t.Error("the page has other scripts or styles than the policy of content was made for")
		}
		for _, path := range []string{"/river/api/queues", "/river/api/jobs?state=running&limit=20", "/river/api/states", "/river/jobs"} {
			if code, body := ask(http.MethodGet, path); code != 200 {
				t.Errorf("%s: %d %s", path, code, body)
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PURGE"} {
			for _, path := range []string{"/river/api/jobs/cancel", "/river/api/jobs/retry", "/river/api/jobs/delete", "/river/api/queues/app/pause", "/river/"} {
				if code, body := ask(method, path); code != http.StatusMethodNotAllowed || !strings.Contains(body, "only show jobs") {
					t.Errorf("%s %s: %d %s", method, path, code, body)
				}
			}
		}
	})
}

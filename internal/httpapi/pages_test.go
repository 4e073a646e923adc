package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPagesAnswerWhereNothingElseDoes(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	r.opts.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = io.WriteString(w, "a page")
	})
	h, err := NewAdmin(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	for target, page := range map[string]bool{
		"GET /": true, "GET /live": true, "GET /runs/x": true, "GET /assets/a.js": true, "HEAD /": true,
		"GET /api": false, "GET /api/nothing": false, "GET /api/v1/nothing": false, "GET /api/v1/runs": false, "GET /metrics": false,
		"POST /": false, "POST /live": false, "DELETE /runs/x": false,
	} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody)) // nobody is signed in: pages are files, they tell nothing
		if got := w.Code == http.StatusOK && w.Header().Get("Cache-Control") == "no-cache"; got != page {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
}

func TestWithoutPagesTheRootListsWhatThereIs(t *testing.T) {
	t.Parallel()
	r := newAdminRig()
	for _, path := range []string{"/", "/api"} {
		if w := r.get(t, path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), apiPrefix+"/runs") {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

package dashboard

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var built = fstest.MapFS{
	".gitkeep":               {},
	"index.html":             {Data: []byte("<!doctype html><title>dedupgate</title>")},
	"favicon.svg":            {Data: []byte("<svg/>")},
	"assets/index-abc123.js": {Data: []byte(strings.Repeat("export const a = 1;\n", 100))},
}

func get(t *testing.T, files fstest.MapFS, path string, header http.Header) *http.Response {
	t.Helper()
	h, err := newHandler(files)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryPageIsIndexHTML(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/": 200, "/live": 200, "/runs": 200, "/runs/": 200, "/runs/ojue2pKvaKRjkewuJ": 200, "/ttl?source=apify": 200,
		"/deliveries/019a": 200, "/runs/a/b": 404, "/nothing": 404, "/live/x": 404, "/assets/gone.js": 404, "/index.html": 404, "/.gitkeep": 404,
	} {
		r := get(t, built, path, nil)
		body := text(t, r)
		if r.StatusCode != want || !strings.Contains(body, "<title>dedupgate") || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, want %d; %q; cached %q", path, r.StatusCode, want, body, r.Header.Get("Cache-Control"))
		}
	}
}

func TestAssetsAreKeptForever(t *testing.T) {
	t.Parallel()
	r := get(t, built, "/assets/index-abc123.js", nil)
	if body := text(t, r); r.StatusCode != http.StatusOK || !strings.HasPrefix(body, "export") {
		t.Fatalf("%d %q", r.StatusCode, body)
	}
	if got := r.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("cached %q", got)
	}
	if got := r.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("type %q", got)
	}
	if got := get(t, built, "/favicon.svg", nil).Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("a file without a hash in its name is cached %q", got)
	}
}

func TestGzipForThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	for accepted, want := range map[string]string{"gzip, br": "gzip", "br;q=1, gzip;q=0.5": "gzip", "gzip;q=0": "", "br": "", "": ""} {
		r := get(t, built, "/assets/index-abc123.js", http.Header{"Accept-Encoding": {accepted}})
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: encoded %q, want %q", accepted, got, want)
		}
		if want == "" {
			continue
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || !strings.HasPrefix(string(plain), "export") {
			t.Errorf("%q: %v, %q", accepted, err, plain)
		}
	}
}

func TestAPageThatHasNotChangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	etag := get(t, built, "/", nil).Header.Get("ETag")
	r := get(t, built, "/live", http.Header{"If-None-Match": {etag}})
	if body := text(t, r); r.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("%d %q", r.StatusCode, body)
	}
}

func TestNothingForeignIsLoadedAndNobodyFramesThePages(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/assets/index-abc123.js", "/nothing"} {
		h := get(t, built, path, nil).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(csp, "data:") {
			t.Errorf("%s: the policy lets too much in: %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestWithoutTheBuildItSaysHowToGetIt(t *testing.T) {
	t.Parallel()
	for _, files := range []fstest.MapFS{{".gitkeep": {}}, {}} {
		r := get(t, files, "/", nil)
		if body := text(t, r); !strings.Contains(body, "make ui") || r.StatusCode != http.StatusNotFound {
			t.Errorf("%d %q", r.StatusCode, body)
		}
	}
}

func TestPagesAreThoseOfTheScripts(t *testing.T) {
	t.Parallel()
	if _, err := New(); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("ui/src/pages.ts")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile(`path: "([^"]+)"`).FindAllSubmatch(source, -1) {
		named = append(named, string(m[1]))
	}
	ours := slices.Sorted(slices.Values(pages))
	if theirs := slices.Sorted(slices.Values(named)); !slices.Equal(ours, theirs) {
		t.Errorf("the program serves %v, the scripts have %v", ours, theirs)
	}
}

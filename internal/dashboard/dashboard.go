package dashboard

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

// dist is what `make ui` has built; without it there is .gitkeep alone.
//
//go:embed all:ui/dist
var dist embed.FS

// pages are the paths that are pages: the scripts in index.html know what to show. The same as in ui/src/pages.ts.
var pages = []string{"/", "/live", "/runs", "/ttl", "/deliveries", "/quarantine", "/stuck", "/sources", "/audit"}

// detailed are pages about one thing, whose id follows: /runs/{run_id}.
var detailed = []string{"/runs/", "/deliveries/"}

// policy lets the pages load what was built with them and talk to the gateway, nothing else, and lets no text become markup
// or script (Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Handler serves the pages. It is for GET and HEAD of all paths that nobody else answers, and safe for concurrent use.
type Handler struct {
	files map[string]*file // by URL path
	index *file            // nil when the pages were not built
}

// New reads what was embedded.
func New() (*Handler, error) {
	built, err := fs.Sub(dist, "ui/dist")
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return newHandler(built)
}

func newHandler(built fs.FS) (*Handler, error) {
	h := &Handler{files: map[string]*file{}}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		h.files["/"+name] = newFile(name, content)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dashboard: read the built pages: %w", err)
	}
	h.index = h.files["/index.html"]
	delete(h.files, "/index.html") // every page has its own address, and that is none
	return h, nil
}

// Built reports whether the program holds the pages.
func (h *Handler) Built() bool { return h.index != nil }

// ServeHTTP answers with a file, with the page, or, status 404, with the page that says that there is none.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	switch f := h.files[r.URL.Path]; {
	case f != nil:
		f.serve(w, r, http.StatusOK)
	case h.index == nil:
		notBuilt(w)
	case isPage(r.URL.Path):
		h.index.serve(w, r, http.StatusOK)
	default:
		h.index.serve(w, r, http.StatusNotFound)
	}
}

func isPage(p string) bool {
	if slices.Contains(pages, p) || len(p) > 1 && slices.Contains(pages, strings.TrimSuffix(p, "/")) {
		return true
	}
	return slices.ContainsFunc(detailed, func(prefix string) bool {
		id, under := strings.CutPrefix(p, prefix)
		return under && id != "" && !strings.Contains(id, "/")
	})
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// notBuilt says how to get the pages.
func notBuilt(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = fmt.Fprint(w, `This program was built without the dashboard's pages.

Run "make ui" (it needs Node 20.19 or newer, or 22.12 or newer) and build again; "make build" and "make run" do both where
Node is installed.

The API is at /api/v1, its description at /api/openapi.yaml; the dedupgate command shows the same at a terminal.
`)
}

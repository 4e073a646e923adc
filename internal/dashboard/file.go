package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Assets carry a hash of their content in their name and never change; everything else is asked for again each time.
const (
	assets   = "assets/"
	forever  = "public, max-age=31536000, immutable"
	askAgain = "no-cache"
)

// file is one embedded file, ready to be sent.
type file struct {
	content     []byte
	contentType string
	cache       string
	etag        string
	gzipped     func() []byte // made when first asked for; gives nil when it would not be smaller
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{
		content: content, contentType: contentType(name), cache: askAgain,
		etag: strconv.Quote(base64.RawURLEncoding.EncodeToString(sum[:12])),
	}
	if strings.HasPrefix(name, assets) {
		f.cache = forever
	}
	f.gzipped = sync.OnceValue(func() []byte { return gzipped(content) })
	return f
}

// contentType doesn't ask the system, whose tables differ, for what the pages are made of.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = z.Write(content) // a buffer takes everything
	if z.Close() != nil || b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if status == http.StatusOK && r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.content
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		if z := f.gzipped(); z != nil {
			h.Set("Content-Encoding", "gzip")
			body = z
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has gone
	}
}

// takesGzip reads an Accept-Encoding header; "gzip;q=0" refuses.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !given || err == nil && q > 0
	}
	return false
}

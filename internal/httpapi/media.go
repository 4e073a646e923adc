package httpapi

import (
	"mime"
	"net/http"
	"strings"

	"github.com/dedupgate/dedupgate/internal/source"
)

// acceptable says from the headers alone whether a body of this form can be read at all. Compressed bodies can't; an Apify
// body is JSON, so a template that sets another Content-Type is a mistake that is better told than quarantined. A request
// without Content-Type passes.
func acceptable(kind source.Kind, h http.Header) refusalCode {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return refusedEncoding
		}
	}
	if kind == source.Generic {
		return noRefusal
	}
	for _, mediaType := range h["Content-Type"] {
		if !isJSON(mediaType) {
			return refusedMediaType
		}
	}
	return noRefusal
}

// isJSON reports whether a Content-Type says JSON: application/json, text/json, or anything with the suffix +json.
func isJSON(contentType string) bool {
	if contentType == "application/json" || contentType == "" {
		return true
	}
	mediaType, _, _ := mime.ParseMediaType(contentType) // "" when broken; a broken parameter after it does no harm
	return mediaType == "application/json" || mediaType == "text/json" || strings.HasSuffix(mediaType, "+json")
}

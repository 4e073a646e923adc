package apify

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// secret looks for the token that the source wants to see, and whether it is the right one: Apify shows URL and headers, the
// source knows the hash.
func (x *examination) secret(w *Webhook, target *Target) {
	header, err := headersOf(w.HeadersTemplate)
	if err != nil {
		x.addf(w, LevelError, "headers_template", "has a headers template that is no JSON object of texts; write it like {\"X-Name\": \"value\"}")
		return
	}
	u, err := parseURL(w.RequestURL)
	if err != nil {
		return // it would not point here
	}
	given := target.token(u.Query(), header)
	if given == "" {
		x.addf(w, LevelError, "no_secret", "shows no token, neither in its URL nor in its headers template: each of its requests is answered 401; "+
			"append ?token=… to the URL, or add {\"Authorization\": \"Bearer …\"} to the headers template")
	} else if _, right := signature.Verify(given, target.Source.Tokens); !right {
		x.addf(w, LevelError, "wrong_secret", "shows a token that is none of the source's: each of its requests is answered 401; "+
			"put the right one in, or add its SHA-256 to the source's tokens")
	}
}

// token finds what a request shows, as the public listener does.
func (t *Target) token(query url.Values, header http.Header) string {
	if t.TokenHeader != "" {
		if given := header.Get(t.TokenHeader); given != "" {
			return given
		}
	}
	return signature.FromRequest(query, header)
}

// headersOf reads a headers template: a JSON object of texts. Variables may stand in it; a secret is none.
func headersOf(template string) (http.Header, error) {
	header := http.Header{}
	if template == "" {
		return header, nil
	}
	text, err := Render(template, false, Variables{})
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for name, value := range members {
		if text, ok := value.(string); ok {
			header.Set(name, text)
		}
	}
	return header, nil
}

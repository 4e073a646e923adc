package apify

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// Addresses are those that Apify says its webhooks come from.
func Addresses() []netip.Addr {
	var all []netip.Addr
	for _, text := range []string{
		"3.215.64.207", "13.216.80.7", "13.216.180.86", "34.224.107.31", "34.236.208.85",
		"44.198.219.104", "44.207.71.44", "44.207.141.205", "52.4.20.206", "52.203.255.236",
	} {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// secret shows the source's guard what the webhook's requests will show: Apify gives out URL and headers, and the guard knows
// the hashes.
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
	const refused = "each of its requests is answered 401"
	for _, from := range Addresses() {
		_, err = target.Source.Guard.Look(u.Query(), header, from)
		if err != nil {
			break
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, signature.ErrNoToken):
		x.addf(w, LevelError, "no_secret", "shows no token, neither in its URL nor in its headers template: %s; "+
			"append ?token=… to the URL, or add {\"Authorization\": \"Bearer …\"} to the headers template", refused)
	case errors.Is(err, signature.ErrWrongToken):
		x.addf(w, LevelError, "wrong_secret", "shows a token that is none of the source's: %s; "+
			"put the right one in, or add its SHA-256 to the source's tokens", refused)
	case errors.Is(err, signature.ErrAddress):
		x.addf(w, LevelError, "networks", "sends from addresses that the source's networks leave out: %s; add all ten of Apify's", refused)
	case errors.Is(err, signature.ErrNoSignature):
		x.addf(w, LevelError, "signature", "can't sign, but the source wants a signature: %s; let a relay sign, or let the token do (auth.require: either)",
			refused)
	}
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

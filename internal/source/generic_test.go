package source_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/source"
)

func genericRequest(header, query, body string) source.Request {
	r := source.Request{Header: http.Header{}, Query: url.Values{}, Body: []byte(body)}
	if header != "" {
		r.Header.Set("X-Github-Delivery", header)
	}
	if query != "" {
		r.Query.Set("id", query)
	}
	return r
}

func TestGenericKeys(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("not json"))
	for _, c := range []struct {
		name, header, query, body string
		places                    []string
		want                      string
	}{
		{"header", "72d3", "", "anything at all", []string{"header:x-github-delivery"}, "g:72d3"},
		{"header without a body", "72d3", "", "", []string{"header:X-GitHub-Delivery"}, "g:72d3"},
		{"query", "", "7", "{}", []string{"query:id"}, "g:7"},
		{"body", "", "", `{"id":"a"}`, []string{"body:id"}, "g:a"},
		{"body by a path", "", "", `{"data":{"object":{"id":"a"}},"id":"b"}`, []string{"body:data.object.id"}, "g:a"},
		{"number, digit by digit", "", "", `{"id":12345678901234567890123}`, []string{"body:id"}, "g:12345678901234567890123"},
		{"boolean", "", "", `{"id":"a","deleted":false}`, []string{"body:id", "body:deleted"}, "g:a:false"},
		{"in the configured order", "72d3", "7", `{"id":"a"}`, []string{"query:id", "body:id", "header:X-GitHub-Delivery"}, "g:7:a:72d3"},
		{"one place within another", "", "", `{"data":{"id":"a"},"x":"b"}`, []string{"body:x", "body:data.id"}, "g:b:a"},
		{"values are escaped", "", "a:b c/d", "{}", []string{"query:id"}, "g:a%3Ab%20c%2Fd"},
		{"hash of any body", "", "", "not json", []string{"body:sha256"}, "h:" + hex.EncodeToString(sum[:])},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := newSource(t, generic(c.places...)).Identify(genericRequest(c.header, c.query, c.body))
			if in.Quarantine != nil {
				t.Fatalf("quarantined: %s", in.Quarantine.Message)
			}
			if in.Key != (dedup.Key{Source: "shop", Event: c.want}) {
				t.Errorf("key %s, want %s", in.Key, c.want)
			}
			if in.Run != (dedup.RunRef{}) || in.Type != "" || in.MovesRun() {
				t.Errorf("a generic event has the run %v and the type %q", in.Run, in.Type)
			}
		})
	}
}

func TestGenericWithoutIdentity(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"missing": `{}`, "null": `{"id":null}`, "empty": `{"id":""}`, "an object": `{"id":{"a":1}}`, "an array": `{"id":["a"]}`,
		"elsewhere": `{"data":{"id":"a"}}`, "at the top": `"id"`, "a template variable": `{"id":"{{id}}"}`, "a lone surrogate": `{"id":"a\udfff"}`,
		"invalid UTF-8": "{\"id\":\"a\xff\"}", "a control character": `{"id":"a\u0000"}`, "overlong": `{"id":"` + strings.Repeat("x", 1025) + `"}`,
	} {
		in := newSource(t, generic("body:id")).Identify(genericRequest("", "", body))
		if message := checkQuarantine(t, in, dedup.ReasonNoIdentity); !strings.Contains(message, "body:id") {
			t.Errorf("%s: %s", name, message)
		}
	}
	longest := `{"id":"` + strings.Repeat("x", 1024) + `"}`
	if in := newSource(t, generic("body:id")).Identify(genericRequest("", "", longest)); in.Quarantine != nil {
		t.Errorf("the longest value is refused: %s", in.Quarantine.Message)
	}
	checkQuarantine(t, newSource(t, generic("body:id")).Identify(genericRequest("", "", "nope")), dedup.ReasonNotJSON)
	checkQuarantine(t, newSource(t, generic("body:id")).Identify(genericRequest("", "", `{"id":1,"id":2}`)), dedup.ReasonNotJSON)
	for _, empty := range []string{"", " \n"} {
		checkQuarantine(t, newSource(t, generic("body:sha256")).Identify(genericRequest("", "", empty)), dedup.ReasonNoIdentity)
	}
}

func TestGenericNeedsAllItsPlaces(t *testing.T) {
	t.Parallel()
	src := newSource(t, generic("header:X-GitHub-Delivery", "query:id"))
	message := checkQuarantine(t, src.Identify(genericRequest("", "", "{}")), dedup.ReasonNoIdentity)
	if !strings.Contains(message, "header:X-Github-Delivery, query:id") {
		t.Errorf("does not name both places: %s", message)
	}
	message = checkQuarantine(t, src.Identify(genericRequest("72d3", "", "{}")), dedup.ReasonNoIdentity)
	if strings.Contains(message, "header:") {
		t.Errorf("names a place that is there: %s", message)
	}
}

func TestGenericValuesThatComeTwice(t *testing.T) {
	t.Parallel()
	src, r := newSource(t, generic("query:id")), genericRequest("", "", "{}")
	r.Query["id"] = []string{"7", "7"}
	if in := src.Identify(r); in.Key.Event != "g:7" {
		t.Errorf("the same value twice gives %q", in.Key.Event)
	}
	r.Query["id"] = []string{"7", "8"}
	checkQuarantine(t, src.Identify(r), dedup.ReasonNoIdentity)
}

func TestGenericSourcesDoNotBelieveApifysHeaders(t *testing.T) {
	t.Parallel()
	r := genericRequest("72d3", "", "{}")
	r.Header.Set("X-Apify-Webhook-Dispatch-Id", "D")
	in := newSource(t, generic("header:X-GitHub-Delivery")).Identify(r)
	if in.DispatchID != "" || strings.Contains(string(in.Headers), "Apify") {
		t.Errorf("dispatch id %q, headers %s", in.DispatchID, in.Headers)
	}
}

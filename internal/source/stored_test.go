package source_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/source"
)

func TestStoredHeadersAreAnAllowList(t *testing.T) {
	t.Parallel()
	r := genericRequest("72d3", "7", `{"id":1}`)
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "Cookie", "X-Webhook-Secret", "X-Apify-Webhook-Secret", "X-Apify-Webhook-Token",
		"X-Forwarded-For", "X-Api-Key",
	} {
		r.Header.Set(name, "hunter2")
	}
	r.Query.Set("token", "hunter2")
	r.Query.Set("secret", "hunter2")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", `axios "1" <é>`)
	r.Header.Set("X-Apify-Webhook", "yo")
	const always = `"Content-Type":"application/json; charset=utf-8","User-Agent":"axios \"1\" <é>"`
	for want, src := range map[string]*source.Source{
		`{` + always + `,"X-Apify-Webhook":"yo"}`:     newSource(t),
		`{` + always + `,"X-Github-Delivery":"72d3"}`: newSource(t, generic("header:X-GitHub-Delivery")),
		`{` + always + `,"query:id":"7"}`:             newSource(t, generic("query:id")),
		`{` + always + `}`:                            newSource(t, generic("body:id", "header:content-type")),
	} {
		in := src.Identify(r)
		if string(in.Headers) != want {
			t.Errorf("stored  %s\nwant    %s", in.Headers, want)
		}
		if strings.Contains(fmt.Sprintf("%+v %s %s", in, in.Headers, in.Key), "hunter2") {
			t.Errorf("a secret is kept: %+v", in)
		}
	}
	if in := newSource(t).Identify(source.Request{Body: []byte("{}")}); string(in.Headers) != "{}" {
		t.Errorf("no headers are stored as %s", in.Headers)
	}
}

func TestStoredValuesAreCut(t *testing.T) {
	t.Parallel()
	r := request("{}", "D")
	r.Header.Set("User-Agent", strings.Repeat("é", 100_000))
	r.Header.Set("Content-Type", "application/json\x00; "+strings.Repeat("x", 100_000))
	in := newSource(t).Identify(r)
	if len(in.Headers) > 4096 || len(in.ContentType) > 255 {
		t.Errorf("%d bytes of headers, %d of content type", len(in.Headers), len(in.ContentType))
	}
	if !strings.HasPrefix(in.ContentType, "application/json; xx") {
		t.Errorf("content type %.40q", in.ContentType)
	}
}

// checkAgain fails unless the request is identified as before when it comes out of the store.
func checkAgain(t rapid.TB, s *source.Source, r source.Request) {
	t.Helper()
	in := s.Identify(r)
	back := s.Identify(source.RequestFromStored(in.Headers, in.Body, in.ContentType))
	if back.Key != in.Key || back.DispatchID != in.DispatchID || (back.Quarantine == nil) != (in.Quarantine == nil) {
		t.Fatalf("identified as %q (%+v), and from the store as %q (%+v); stored %s",
			in.Key.Event, in.Quarantine, back.Key.Event, back.Quarantine, in.Headers)
	}
}

func TestStoredRequestsAreIdentifiedAsBefore(t *testing.T) {
	t.Parallel()
	src := newSource(t)
	for _, sample := range samples.All() {
		r := source.Request{Header: sample.Headers, Body: sample.Compact()}
		checkAgain(t, src, r)
		in := src.Identify(r)
		if back := source.RequestFromStored(in.Headers, in.Body, in.ContentType); string(src.Identify(back).Headers) != string(in.Headers) {
			t.Errorf("%s: the headers change on the way through the store", sample.Name)
		}
	}
	// What was quarantined can be identified once the source is configured otherwise.
	r := request(`{"eventType":"ACTOR.RUN.PAUSED","runId":"a"}`, "")
	in := newSource(t).Identify(r)
	if in = newSource(t, single).Identify(source.RequestFromStored(in.Headers, in.Body, in.ContentType)); in.Key.IsZero() {
		t.Errorf("still quarantined: %+v", in.Quarantine)
	}
}

func TestStoredRequestsAreIdentifiedAsBeforeWhateverTheyHold(t *testing.T) {
	t.Parallel()
	apify, shop := newSource(t), newSource(t, generic("header:X-Id", "query:id", "body:id"))
	value := rapid.OneOf(
		rapid.String(), rapid.SampledFrom([]string{
			"", "a", "b", "\xff", "a\x00", "{{x}}", "\ufffd", "a, b", strings.Repeat("x", 1024), strings.Repeat("x", 1025),
			strings.Repeat("é", 513),
		}),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		r := genericRequest("", "", `{"id":"a","runId":"b"}`)
		for _, name := range []string{"X-Id", "Content-Type", "User-Agent", "X-Apify-Webhook-Dispatch-Id"} {
			if values := rapid.SliceOfN(value, 0, 3).Draw(t, name); len(values) > 0 {
				r.Header[name] = values
			}
		}
		r.Query["id"] = rapid.SliceOfN(value, 0, 3).Draw(t, "query")
		for _, s := range []*source.Source{apify, shop} {
			checkAgain(t, s, r)
		}
	})
}

func TestRequestFromUnreadableStore(t *testing.T) {
	t.Parallel()
	for _, headers := range []string{"", "null", "[]", "{", `{"X-Id":7,"query:id":[1,"a"]}`} {
		r := source.RequestFromStored([]byte(headers), []byte("{}"), "text/plain")
		if r.Header == nil || r.Query == nil || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %+v", headers, r)
		}
	}
	stored := `{"Content-Type":"application/json"}`
	if r := source.RequestFromStored([]byte(stored), nil, "text/plain"); r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the column wins over what was sent: %v", r.Header)
	}
}

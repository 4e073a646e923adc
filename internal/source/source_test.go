package source_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/source"
)

func TestNewFillsInDefaults(t *testing.T) {
	t.Parallel()
	s := newSource(t)
	if s.WithoutGeneration != source.ByDispatch || s.QuarantineStatus != 200 {
		t.Errorf("without generation %q, quarantine status %d", s.WithoutGeneration, s.QuarantineStatus)
	}
	if s.Name != "apify" || s.Kind != source.Apify || len(s.Tokens) != 1 {
		t.Errorf("%+v", s.Options)
	}
}

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	places := func(texts ...string) source.Options { return options(generic(texts...)) }
	for _, c := range []struct {
		name   string
		change func(*source.Options)
		says   string
	}{
		{"no name", func(o *source.Options) { o.Name = "" }, "name"},
		{"upper case", func(o *source.Options) { o.Name = "Apify" }, "name"},
		{"a colon", func(o *source.Options) { o.Name = "a:b" }, "name"},
		{"a long name", func(o *source.Options) { o.Name = strings.Repeat("a", 33) }, "1 to 32"},
		{"no kind", func(o *source.Options) { o.Kind = "" }, "kind: want apify or generic"},
		{"other kind", func(o *source.Options) { o.Kind = "github" }, "kind: want apify or generic"},
		{"no tokens", func(o *source.Options) { o.Tokens = nil }, "tokens"},
		{"other choice", func(o *source.Options) { o.WithoutGeneration = "guess" }, "want dispatch or single"},
		{"other status", func(o *source.Options) { o.QuarantineStatus = 500 }, "200, 400 or 422"},
		{"no window", func(o *source.Options) { o.Default.Window = 0 }, "positive"},
		{"negative lease", func(o *source.Options) { o.Default.Lease = -1 }, "positive"},
		{"negative window of a type", func(o *source.Options) { o.ByType = map[string]source.Windows{"TEST": {Window: -1}} }, `"TEST"`},
		{"keys of Apify", func(o *source.Options) { o.Keys = places("query:id").Keys }, "only for kind generic"},
		{"generic without keys", func(o *source.Options) { o.Kind = source.Generic }, "at least one place"},
		{"a place twice", func(o *source.Options) { *o = places("header:X-Id", "header:x-id") }, "listed twice"},
		{"the hash and more", func(o *source.Options) { *o = places("body:sha256", "query:id") }, "body:sha256 names the event alone"},
		{"an unmade place", func(o *source.Options) { o.Kind, o.Keys = source.Generic, make([]source.Place, 1) }, "ParsePlace"},
		{"too many places", func(o *source.Options) { o.Kind, o.Keys = source.Generic, make([]source.Place, 17) }, "at most 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := source.New(options(c.change))
			if err == nil || s != nil {
				t.Fatal("was taken")
			}
			if !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), `source "`) {
				t.Errorf("does not say %q: %v", c.says, err)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	s := newSource(t, func(o *source.Options) {
		o.ByType = map[string]source.Windows{
			"ACTOR.RUN.CREATED": {Window: time.Hour}, "ACTOR.RUN.FAILED": {Lease: time.Second}, "TEST": {Window: time.Minute, Lease: time.Second},
		}
	})
	for eventType, want := range map[string]source.Windows{
		"ACTOR.RUN.CREATED": {Window: time.Hour, Lease: lease}, "ACTOR.RUN.FAILED": {Window: window, Lease: time.Second},
		"TEST": {Window: time.Minute, Lease: time.Second}, "ACTOR.RUN.SUCCEEDED": {Window: window, Lease: lease}, "": {Window: window, Lease: lease},
	} {
		if w, l := s.Windows(eventType); w != want.Window || l != want.Lease {
			t.Errorf("%s: %v, %v; want %+v", eventType, w, l, want)
		}
	}
}

func TestParsePlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"header:X-GitHub-Delivery": "header:X-Github-Delivery", "header:x-id": "header:X-Id", "query:id": "query:id", "query:a:b": "query:a:b",
		"body:id": "body:id", "body:data.id": "body:data.id", "body:sha256": "body:sha256", "body:data.sha256": "body:data.sha256",
	} {
		place, err := source.ParsePlace(text)
		if err != nil || place.String() != want {
			t.Errorf("%s: %s, %v", text, place, err)
			continue
		}
		if back, err := source.ParsePlace(place.String()); err != nil || back != place {
			t.Errorf("%s does not read itself back: %s, %v", text, back, err)
		}
	}
	for _, text := range []string{
		"", "id", ":id", "header:", "query:", "body:", "cookie:id", "Header:X-Id", " header:X-Id", "header: X-Id",
		"query:id ", "header:X Id", "header:X:Id", "header:É",
		"body:.", "body:a.", "body:.a", "body:a..b", "query:token", "query:Token",
		"header:Authorization", "header:authorization", "header:Cookie", "header:Set-Cookie", "header:Proxy-Authorization",
	} {
		if place, err := source.ParsePlace(text); err == nil {
			t.Errorf("%q was taken as %s", text, place)
		}
	}
}

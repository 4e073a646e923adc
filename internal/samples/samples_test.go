package samples

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

func TestEverySampleIsWhole(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, s := range All() {
		if names[s.Name] {
			t.Errorf("%s: two samples of this name", s.Name)
		}
		names[s.Name] = true
		if s.Headers.Get("Content-Type") != "application/json" || s.Headers.Get("Host") != "" {
			t.Errorf("%s: headers %v", s.Name, s.Headers)
		}
		if bytes.ContainsAny(s.Compact(), "\n\r\t") {
			t.Errorf("%s: white space between tokens", s.Name)
		}
		var indented, compact any
		if err := json.Unmarshal(s.Body, &indented); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if err := json.Unmarshal(s.Compact(), &compact); err != nil || !reflect.DeepEqual(indented, compact) {
			t.Errorf("%s: compact says something else (%v)", s.Name, err)
		}
	}
}

func TestEveryBodyHasHeaders(t *testing.T) {
	t.Parallel()
	sent := map[string]bool{"headers.json": true}
	for _, s := range All() {
		sent[s.File] = true
	}
	err := fs.WalkDir(files, "testdata", func(path string, entry fs.DirEntry, err error) error {
		if name := strings.TrimPrefix(path, "testdata/"); err == nil && !entry.IsDir() && !sent[name] {
			t.Errorf("%s is in no set of headers", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEscapesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	s, ok := Get("nul_and_lone_surrogate")
	if !ok || !strings.Contains(string(s.Compact()), `\u0000`) || !strings.Contains(string(s.Compact()), `\ud83d`) {
		t.Fatal("the escapes that a database may refuse are gone")
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"succeeded_retry": "succeeded_retry", "succeeded": "succeeded_first_attempt",
		"custom_minimal": "custom_minimal_bearer", "succeeded_other_webhook": "succeeded_other_webhook",
	} {
		if s, ok := Get(asked); !ok || s.Name != want {
			t.Errorf("Get(%q) = %q, %v; want %q", asked, s.Name, ok, want)
		}
	}
	if _, ok := Get("no_such_sample"); ok {
		t.Error("a sample that does not exist was found")
	}
	for _, name := range Names() {
		if s, ok := Get(name); !ok || s.Name != name {
			t.Errorf("Names lists %q, Get gives %q", name, s.Name)
		}
	}
}

func TestCallersMayChangeWhatTheyGet(t *testing.T) {
	t.Parallel()
	mine := All()[0]
	mine.Body[0] = 'X'
	mine.Headers.Set("Content-Type", "changed")
	if again := All()[0]; again.Body[0] == 'X' || again.Headers.Get("Content-Type") == "changed" {
		t.Error("a change went through to other callers")
	}
}

package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/google/go-cmp/cmp"
)

const exampleFile = "../../configs/dedupgate.yaml"

// withoutDefault are the keys that the example has to set to something of its own.
var withoutDefault = []string{"admin.tokens", "database.url", "redis.mode", "redis.addresses", "sources", "destinations"}

func readExample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var commentedOut = regexp.MustCompile(`(?m)^( *)#([^ \n])`)

// uncomment sets every key of the example that is commented out: those behind a # without a space.
func uncomment(text string) string { return commentedOut.ReplaceAllString(text, "$1$2") }

// bindExample reads the example with every key set and says where each stands.
func bindExample(t *testing.T) (*Config, map[string]origin) {
	t.Helper()
	root, err := parse(exampleFile, []byte(uncomment(readExample(t))))
	if err != nil {
		t.Fatal(err)
	}
	c, b := Default(), binder{file: exampleFile, anchors: map[string]ast.Node{}, origins: map[string]origin{}}
	b.bind(reflect.ValueOf(c).Elem(), root, "")
	if len(b.problems) > 0 {
		t.Fatal(b.problems)
	}
	return c, b.origins
}

func TestTheExampleLoadsAndIsWarnedOfItsPlaceholderOnly(t *testing.T) {
	t.Parallel()
	c, err := Load(exampleFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Embedded() {
		t.Error("the production example is embedded")
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "placeholder") {
		t.Errorf("warnings: %q", w)
	}
}

func TestTheExampleEqualsTheDefaults(t *testing.T) {
	t.Parallel()
	c, _ := bindExample(t)
	want, got := settings(Default()), settings(c)
	for i, s := range got {
		if slices.Contains(withoutDefault, s.key) {
			if cmp.Equal(want[i].value.Interface(), s.value.Interface()) {
				t.Errorf("%s stands at its default; the example should show how to set it", s.key)
			}
			continue
		}
		// An empty list is written [] and is none.
		if s.value.Kind() == reflect.Slice && s.value.Len() == 0 && want[i].value.Len() == 0 {
			continue
		}
		if diff := cmp.Diff(want[i].value.Interface(), s.value.Interface()); diff != "" {
			t.Errorf("%s is not its default (-default +example):\n%s", s.key, diff)
		}
	}

	apify := c.Sources[0]
	filled := &Config{Sources: []Source{{Kind: KindApify}}}
	filled.complete()
	if apify.QuarantineStatus != filled.Sources[0].QuarantineStatus || !cmp.Equal(apify.Identity, filled.Sources[0].Identity) {
		t.Errorf("the example's source has quarantine_status %d and identity %v, not the defaults", apify.QuarantineStatus, apify.Identity)
	}
	for _, o := range append([]Override{{Window: apify.Window, Lease: apify.Lease}}, apify.EventTypes["ACTOR.RUN.CREATED"]) {
		if o.Window != c.Dedup.Window || o.Lease != c.Dedup.Lease {
			t.Errorf("the example overrides window and lease with %v, not with what holds anyway", o)
		}
	}
}

// Each key stands in the example with the very words of its field's comment above it: meaning, unit, default.
func TestTheExampleShowsEveryKeyWithItsDescription(t *testing.T) {
	t.Parallel()
	_, origins := bindExample(t)
	lines := strings.Split(readExample(t), "\n")
	normal := regexp.MustCompile(`\[[0-9]+\]`)
	entry := regexp.MustCompile(`\[[A-Z._]+\]`)
	places := map[string][]int{}
	for key, o := range origins {
		key = entry.ReplaceAllString(normal.ReplaceAllString(key, "[]"), ".<type>")
		places[key] = append(places[key], o.line)
	}
	described, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range described {
		if len(places[d.key]) == 0 {
			t.Errorf("%s is not in the example", d.key)
			continue
		}
		found := slices.ContainsFunc(places[d.key], func(line int) bool { return strings.HasPrefix(commentAbove(lines, line), d.comment) })
		if !found {
			t.Errorf("%s is not described by its comment, %q, in the example, but by %q", d.key, d.comment, commentAbove(lines, places[d.key][0]))
		}
	}
}

// commentAbove is the comment that ends in the line above, in one line. line counts from 1.
func commentAbove(lines []string, line int) string {
	var words []string
	for i := line - 2; i >= 0; i-- {
		text, isComment := strings.CutPrefix(strings.TrimSpace(lines[i]), "# ")
		if !isComment {
			break
		}
		words = append(strings.Fields(text), words...)
	}
	return strings.Join(words, " ")
}

func TestTheExampleSaysWhatReloads(t *testing.T) {
	t.Parallel()
	intro, _, _ := strings.Cut(readExample(t), "\n\n")
	_, list, _ := strings.Cut(strings.ReplaceAll(intro, "\n# ", " "), "These keys then change without a restart: ")
	list, _, _ = strings.Cut(list, ". ")
	told := strings.Split(strings.ReplaceAll(list, " and ", ", "), ", ")
	var reloading []string
	for _, s := range settings(Default()) {
		section, _, _ := strings.Cut(s.key, ".")
		whole := section == "retention" || section == "limits" || section == "apify"
		if s.reload && !slices.Contains(reloading, section) {
			reloading = append(reloading, map[bool]string{true: section, false: s.key}[whole])
		}
	}
	slices.Sort(told)
	slices.Sort(reloading)
	if diff := cmp.Diff(reloading, told); diff != "" {
		t.Errorf("keys that reload (-reload tags +example):\n%s", diff)
	}
}

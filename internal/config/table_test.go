package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestEveryFieldIsDescribedWithItsDefault(t *testing.T) {
	t.Parallel()
	described, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string]description{}
	for _, d := range described {
		byKey[d.key] = d
		if d.comment == "" || d.meaning == "" || d.value == "" {
			t.Errorf("%s: the field's comment must say what it means and end in \"Default ….\" or \"Required.\", but is %q", d.key, d.comment)
		}
	}
	for _, s := range settings(Default()) {
		if s.key == "sources" {
			continue
		}
		want := "`" + fmt.Sprint(s.value.Interface()) + "`"
		switch {
		case s.value.Kind() == reflect.Slice && s.value.Len() == 0:
			want = "none"
		case s.value.Kind() != reflect.Slice && want == "``":
			want = "empty"
		}
		if got := byKey[s.key].value; got != want {
			t.Errorf("%s: the comment says that the default is %s, but it is %s", s.key, got, want)
		}
		if byKey[s.key].reload != s.reload {
			t.Errorf("%s: described with reload %v", s.key, !s.reload)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	table, err := Table()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for _, line := range lines {
		if cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); cells != 5 {
			t.Errorf("%d bars in the row %s", cells, line)
		}
	}
	for _, want := range []string{
		"| Key | Default | Meaning | Reloads |",
		"| `http.max_body` | `10MiB` | Longest body taken; more is answered 413. | yes |",
		"| `shutdown_timeout` | `25s` | How long a stopping gateway then waits for requests in flight and for batches to be committed. | restart |",
		"| `sources[].name` | required | Name in the webhook's URL, in logs and metrics; lower-case letters, digits and hyphens, at most 32. | yes |",
		"| `sources[].event_types.<type>.lease` | that of the source | How long Redis remembers uncommitted requests of this type. | yes |",
	} {
		if !strings.Contains(table, want+"\n") {
			t.Errorf("the table lacks the row\n%s", want)
		}
	}
	if got, least := len(lines)-2, len(settings(Default())); got <= least {
		t.Errorf("%d rows for %d keys and those of a source", got, least)
	}
}

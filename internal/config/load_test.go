package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWithoutAnythingSetTheDefaultsServeEmbedded(t *testing.T) {
	t.Parallel()
	c, err := Load("", []string{"HOME=/root", "DEDUPGATE_DATA_DIR="})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Sources = []Source{{
		Name: "apify", Kind: KindApify, QuarantineStatus: 200,
		Identity: Identity{WithoutGeneration: WithoutGenerationDispatch}, Reconcile: ReconcileDispatches, Verify: VerifyOff,
	}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("loaded without anything set (-want +got):\n%s", diff)
	}
	if !c.Embedded() {
		t.Error("the defaults are not embedded")
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("the defaults are warned of: %q", w)
	}
}

func TestEveryKindOfValueIsReadFromTheFile(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, `
dedup:
  window: &week 7d
  hits_cap: 12
  other_bodies: 0
http:
admin:
  token: 0123
redis: {tls: true}
retention:
  receipts: *week
  bodies: 0
sources:
  - name: gh
    kind: generic
    tokens:
      - value: |
          a-token-in-a-block
      - sha256: `+strings.Repeat("Ab", 32)+`
    identity:
      keys: [header:X-GitHub-Delivery, "body:data.id"]
    event_types:
      push: {window: 2h, lease: 3s}
    quarantine_status: 422
`)
	want := Default()
	want.Dedup.Window, want.Dedup.HitsCap, want.Dedup.OtherBodies = 7*day, 12, 0
	want.Admin.Token = "0123"
	want.Redis.TLS = true
	want.Retention.Receipts, want.Retention.Bodies = 7*day, 0
	want.Sources = []Source{{
		Name: "gh", Kind: KindGeneric, QuarantineStatus: 422,
		Tokens:     []Token{{Value: "a-token-in-a-block"}, {SHA256: strings.Repeat("Ab", 32)}},
		Identity:   Identity{Keys: []string{"header:X-GitHub-Delivery", "body:data.id"}},
		EventTypes: map[string]Override{"push": {Window: Duration(2 * time.Hour), Lease: Duration(3 * time.Second)}},
	}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestProblemsTellPlaceKeyAndRemedy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"unknown key with a sibling spelled nearly so": {
			"dedup:\n  windwo: 3h\n",
			"test.yaml:2:3: dedup.windwo: unknown key; did you mean dedup.window?\n  2 |   windwo: …\n    |   ^",
		},
		"unknown key that a section has": {
			"listen: :80\n",
			"test.yaml:1:1: listen: unknown key; did you mean http.listen?\n  1 | listen: …\n    | ^",
		},
		"unknown key like no other": {
			"log: {colour: red}\n",
			"test.yaml:1:7: log.colour: unknown key; the keys here are format, level\n  1 |       colour: …\n    |       ^",
		},
		"value of the wrong form": {
			"dedup:\n  window: 7 days\n",
			"test.yaml:2:11: dedup.window: \"7 days\" is no duration; write it like 20ms, 15s, 72h or 90d\n" +
				"  2 |   window: 7 days\n    |           ^",
		},
		"fraction for a whole number": {
			"dedup: {hits_cap: 16.5}\n",
			"test.yaml:1:19: dedup.hits_cap: \"16.5\" is no whole number\n  1 |         hits_cap: 16.5\n    |                   ^",
		},
		"truth value of another language": {
			"redis: {tls: yes}\n",
			"test.yaml:1:14: redis.tls: \"yes\" is neither true nor false\n  1 |         tls: yes\n    |              ^",
		},
		"value out of range": {
			"retention:\n  receipts: 1h\n",
			"test.yaml:2:13: retention.receipts: 1h is too little; the least is 1d\n  2 |   receipts: 1h\n    |             ^",
		},
		"size out of range": {
			"http:\n  max_body: 2GiB\n",
			"test.yaml:2:13: http.max_body: 2GiB is too much; the most is 1GiB\n  2 |   max_body: 2GiB\n    |             ^",
		},
		"value beside the allowed ones": {
			"log:\n  level: loud\n",
			"test.yaml:2:10: log.level: \"loud\" is none of debug, info, warn, error\n  2 |   level: loud\n    |          ^",
		},
		"key without a value": {
			"data_dir:\n",
			"test.yaml:1:1: data_dir: has no value; write one, \"\" for none, or delete the line for the default\n" +
				"  1 | data_dir: …\n    | ^",
		},
		"item of a list": {
			"http:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - 10.0.0.1\n",
			"test.yaml:4:7: http.trusted_proxies[1]: \"10.0.0.1\" is no network; write it like 10.0.0.0/8, a single address like 10.1.2.3/32\n" +
				"  4 |       10.0.0.1\n    |       ^",
		},
		"keys where a value belongs": {
			"data_dir: {a: b}\n",
			"test.yaml:1:1: data_dir: is a single value; write it behind the key, on the same line, in quotes if it has a colon\n  1 | data_dir: …\n    | ^",
		},
		"value where keys belong": {
			"http: 80\n",
			"test.yaml:1:1: http: has keys of its own; write them below it, indented, each as `key: value`\n  1 | http: …\n    | ^",
		},
		"value where a list belongs": {
			"http: {trusted_proxies: 10.0.0.0/8}\n",
			"test.yaml:1:8: http.trusted_proxies: is a list; write it as [a, b], or each item on a line of its own after a hyphen\n" +
				"  1 |        trusted_proxies: …\n    |        ^",
		},
		"key set twice": {
			"log:\n  level: info\n  level: warn\n",
			"test.yaml:3:3: is not valid YAML: mapping key … already defined at [2:3]; check quotes, brackets and indentation around here\n" +
				"  3 |   level: …\n    |   ^",
		},
		"alias of nothing": {
			"data_dir: *nothing\n",
			"test.yaml:1:1: data_dir: refers to an anchor that is not defined above it\n  1 | data_dir: …\n    | ^",
		},
		"alias within its own anchor": {
			"data_dir: &x !t *x\n",
			"test.yaml:1:1: data_dir: refers to itself\n  1 | data_dir: …\n    | ^",
		},
		"line break within a key": {
			"sources: [{name: apify, kind: apify, event_types: {\"a\\nb\": {lease: 9s}}}]\n",
			"test.yaml:1:52: sources[0].event_types.…: the key contains a line break or another control character; write it in one line\n" +
				"  1 |                                        …: …\n    |                                        ^",
		},
		"quote without an end": {
			"admin:\n  token: \"" + canary + "\n",
			"test.yaml:2:10: is not valid YAML: could not find end character of double-quoted text; " +
				"check quotes, brackets and indentation around here\n  2 |   token: …\n    |          ^",
		},
		"merge key": {
			"http:\n  <<: {listen: x}\n",
			"test.yaml:2:3: http.<<: merge keys are not supported; write the keys out, or use an alias for a whole value\n" +
				"  2 |   <<: …\n    |   ^",
		},
		"second document": {
			"data_dir: a\n---\ndata_dir: b\n",
			"test.yaml:3:1: a second document begins here; write all keys in one, without ---",
		},
		"list at the top": {
			"- a\n",
			"test.yaml: has keys of its own; write them below it, indented, each as `key: value`",
		},
		"not text": {
			"data_dir: \xff\xfe\n",
			"test.yaml: is not UTF-8 text; is it the right file?",
		},
		"line break within a value": {
			"data_dir: \"a\\nb\"\n",
			"test.yaml:1:1: data_dir: contains a line break or another control character; write it in one line\n" +
				"  1 | data_dir: …\n    | ^",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := problemsOf(t, test.text)
			if diff := cmp.Diff(test.want, problems.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnceInTheOrderOfTheFile(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, `
log: {level: loud}
dedup:
  lease: 1ns
  window: forever
admn: {}
redis:
  mode: single
`, "DEDUPGATE_HTTP_LISTEN=80", "DEDUPGATE_HTTP_IDLE_TIMEOUT=x")
	var got []string
	for _, p := range problems {
		got = append(got, p.Key)
	}
	want := []string{
		"log.level", "dedup.lease", "dedup.window", "admn", "redis.addresses", // by line
		"http.idle_timeout", "http.listen", // by variable
		"database.url", "sources", // without a place
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys with problems (-want +got):\n%s\n%v", diff, problems)
	}
}

func TestLoadReadsTheFileItIsGiven(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "data_dir: /srv\n")
	c, err := Load(path, []string{"DEDUPGATE_LOG_LEVEL=debug"})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/srv" || c.Log.Level != "debug" {
		t.Errorf("got data_dir %q and log.level %q", c.DataDir, c.Log.Level)
	}
}

func TestLoadRefusesFilesItCannotRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(folder, "missing.yaml"): "no such file",
		folder:                                "is a directory",
		writeFile(t, filepath.Join(folder, "huge.yaml"), strings.Repeat("#", largestFile+1)): "larger than 1 MiB",
	} {
		_, err := Load(path, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one with %q and the path", path, err, want)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	secret := func(name, text string) string { return writeFile(t, filepath.Join(folder, name), text) }
	link := filepath.Join(folder, "link")
	if err := os.Symlink(secret("behind", "from behind a link\r\n"), link); err != nil {
		t.Fatal(err)
	}
	c := mustLoad(t, `
admin: {token_file: `+secret("admin", "the admin token\n")+`}
database: {url_file: `+secret("url", "postgres://u:p@h/db\n\n")+`}
redis: {mode: sentinel, addresses: ["s:1"], master_name: m, password_file: `+link+`, sentinel_password_file: `+secret("s", "no newline")+`}
sources: [{name: a, kind: apify, tokens: [{value_file: `+secret("t", " spaces are part of it \n")+`}]}]
`)
	got := []string{
		c.Admin.Token.Reveal(), c.Database.URL.Reveal(), c.Redis.Password.Reveal(), c.Redis.SentinelPassword.Reveal(),
		c.Sources[0].Tokens[0].Value.Reveal(),
	}
	want := []string{"the admin token", "postgres://u:p@h/db", "from behind a link", "no newline", " spaces are part of it "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestSecretFilesThatCannotBeMeantAreRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, test := range map[string]struct{ path, want string }{
		"missing":         {filepath.Join(folder, "missing"), "no such file or directory; create the file or correct the path"},
		"folder":          {folder, "is not a regular file"},
		"endless":         {"/dev/zero", "is not a regular file"},
		"empty":           {writeFile(t, filepath.Join(folder, "empty"), "\n"), "names an empty file"},
		"several lines":   {writeFile(t, filepath.Join(folder, "lines"), canary+"\n"+canary), "more than one line"},
		"too long":        {writeFile(t, filepath.Join(folder, "long"), strings.Repeat("x", 70_000)), "more than one line"},
		"not text":        {writeFile(t, filepath.Join(folder, "binary"), canary+"\xff"), "more than one line"},
		"the secret":      {canary, "can't be read: no such file or directory"},
		"a relative path": {"./missing", "stat ./missing: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := find(t, problemsOf(t, "admin: {token_file: "+test.path+"}"), "admin.token_file")
			if !strings.Contains(p.Text, test.want) || p.Line != 1 {
				t.Errorf("got %v, want %q in line 1", p, test.want)
			}
		})
	}
}

func TestASecretGivenTwiceIsRefused(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), canary)
	for _, test := range []struct {
		text    string
		environ []string
		key     string
	}{
		{text: "admin: {token: x, token_file: " + file + "}", key: "admin.token_file"},
		{text: "sources: [{name: apify, kind: apify, tokens: [{value: x, value_file: " + file + "}]}]", key: "sources[0].tokens[0].value_file"},
		{environ: []string{"DEDUPGATE_ADMIN_TOKEN=x", "DEDUPGATE_ADMIN_TOKEN_FILE=" + file}, key: "admin.token_file"},
	} {
		if p := find(t, problemsOf(t, test.text, test.environ...), test.key); !strings.Contains(p.Text, "keep one of the two") {
			t.Errorf("%s: got %v", test.key, p)
		}
	}
}

// A parser that panics on half a file must not take a running gateway down with it. None is known to make this one
// panic, so the nearest thing is asked for.
func TestEveryBeginningOfAFileIsGoodOrRefused(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../configs/dedupgate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	whole := production + uncomment(string(text))
	for i := 0; i < len(whole); i += 7 {
		if c, err := load("test.yaml", []byte(whole[:i]), nil); (c == nil) == (err == nil) {
			t.Fatalf("the first %d bytes: configuration %v with error %v", i, c, err)
		}
	}
}

func TestWindowsComeFromTheEventTypeThenTheSourceThenAll(t *testing.T) {
	t.Parallel()
	c := &Config{Dedup: Dedup{Window: 10, Lease: 1}}
	plain, own := Source{}, Source{Window: 20, EventTypes: map[string]Override{"w": {Window: 30}, "l": {Lease: 3}, "both": {Window: 40, Lease: 4}}}
	for _, test := range []struct {
		source        Source
		eventType     string
		window, lease time.Duration
	}{
		{plain, "", 10, 1},
		{plain, "w", 10, 1},
		{own, "", 20, 1},
		{own, "unknown", 20, 1},
		{own, "w", 30, 1},
		{own, "l", 20, 3},
		{own, "both", 40, 4},
	} {
		if window, lease := c.Window(test.source, test.eventType); window != test.window || lease != test.lease {
			t.Errorf("type %q: got %d, %d, want %d, %d", test.eventType, window, lease, test.window, test.lease)
		}
	}
}

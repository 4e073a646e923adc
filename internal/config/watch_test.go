package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// patience bounds every wait for a watcher; none should come near it.
const patience = 20 * time.Second

// watched is a running watcher with what it does.
type watched struct {
	t       *testing.T
	path    string
	watcher *Watcher
	hangup  chan os.Signal
	changes chan [2]*Config
	logged  *testkit.Records
}

// watch loads the file and watches it until the test ends. written is called between the two.
func watch(t *testing.T, path string, written func(), environ ...string) *watched {
	t.Helper()
	c, err := Load(path, environ)
	if err != nil {
		t.Fatal(err)
	}
	if written != nil {
		written()
	}
	logger, logged := testkit.CaptureLogger(t)
	w := &watched{t: t, path: path, hangup: make(chan os.Signal), changes: make(chan [2]*Config, 16), logged: logged}
	w.watcher = NewWatcher(c, WatchOptions{
		Path: path, Environ: environ, Hangup: w.hangup, Logger: logger,
		OnChange: func(old, next *Config) { w.changes <- [2]*Config{old, next} },
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.watcher.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	// The signal is taken only when the watch stands: from here on no change is missed.
	w.signal()
	w.logs("configuration read again, nothing changed", 1)
	return w
}

func (w *watched) signal() {
	w.t.Helper()
	select {
	case w.hangup <- os.Interrupt:
	case <-time.After(patience):
		w.t.Fatal("the watcher takes no signal")
	}
}

// next waits for a change, which must be in force.
func (w *watched) next() (old, now *Config) {
	w.t.Helper()
	select {
	case change := <-w.changes:
		if w.watcher.Current() != change[1] {
			w.t.Error("the change that was told is not in force")
		}
		return change[0], change[1]
	case <-time.After(patience):
		w.t.Fatalf("no change; the log:\n%s", w.logged.Text())
		return nil, nil
	}
}

// logs waits until the message was logged n times and returns the last record.
func (w *watched) logs(msg string, n int) testkit.Record {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); ; {
		if records := w.logged.With(msg); len(records) >= n {
			return records[n-1]
		}
		select {
		case <-tick.C:
		case <-end:
			w.t.Fatalf("%q was not logged %d times; the log:\n%s", msg, n, w.logged.Text())
		}
	}
}

const (
	reloadedMessage = "configuration reloaded"
	refusedMessage  = "configuration refused, the old one stays in force; correct the file"
	restartMessage  = "configuration keys changed that need a restart; until then their old values stay in force"
)

func TestAChangedFileIsPutInForce(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {window: 4d}\n")
	w := watch(t, path, nil)
	writeFile(t, path, "dedup: {window: 5d}\nlog: {level: debug}\n")
	old, now := w.next()
	if old.Dedup.Window != 4*day || now.Dedup.Window != 5*day || now.Log.Level != "debug" {
		t.Errorf("window from %v to %v, level %s", old.Dedup.Window, now.Dedup.Window, now.Log.Level)
	}
	record := w.logs(reloadedMessage, 1)
	if diff := cmp.Diff([]any{"log.level", "dedup.window"}, record["changed"]); diff != "" || record["file"] != path {
		t.Errorf("logged %v (-want +got):\n%s", record, diff)
	}
}

func TestAChangeBetweenLoadAndRunIsFound(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {window: 4d}\n")
	w := watch(t, path, func() { writeFile(t, path, "dedup: {window: 5d}\n") })
	if _, now := w.next(); now.Dedup.Window != 5*day {
		t.Errorf("window is %v", now.Dedup.Window)
	}
}

func TestAFileReplacedByAnEditorIsPutInForce(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {window: 4d}\n")
	w := watch(t, path, nil)
	for i, window := range []Duration{5 * day, 6 * day} {
		aside := writeFile(t, path+".swp", "dedup: {window: "+window.String()+"}\n")
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
		if _, now := w.next(); now.Dedup.Window != window {
			t.Errorf("replacement %d: window is %v", i, now.Dedup.Window)
		}
	}
}

// mount makes a folder the way Kubernetes mounts a ConfigMap or Secret: files link through ..data, which is swapped.
func mount(t *testing.T, folder, version, name, text string) string {
	t.Helper()
	writeFile(t, filepath.Join(folder, ".."+version, name), text)
	aside := filepath.Join(folder, "..data_tmp")
	if err := os.Symlink(".."+version, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, filepath.Join(folder, "..data")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, name)
	if _, err := os.Lstat(path); err != nil {
		if err := os.Symlink(filepath.Join("..data", name), path); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestAConfigMapsSwapIsPutInForce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := mount(t, folder, "v1", "gate.yaml", "dedup: {window: 4d}\n")
	w := watch(t, path, nil)
	for i, window := range []Duration{5 * day, 6 * day} {
		mount(t, folder, "v"+strconv.Itoa(i+2), "gate.yaml", "dedup: {window: "+window.String()+"}\n")
		if err := os.RemoveAll(filepath.Join(folder, "..v"+strconv.Itoa(i+1))); err != nil {
			t.Fatal(err)
		}
		if _, now := w.next(); now.Dedup.Window != window {
			t.Errorf("version %d: window is %v", i+2, now.Dedup.Window)
		}
	}
}

func TestALinkedFilesTargetIsWatched(t *testing.T) {
	t.Parallel()
	target := writeFile(t, filepath.Join(t.TempDir(), "target.yaml"), "dedup: {window: 4d}\n")
	link := filepath.Join(t.TempDir(), "gate.yaml")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	w := watch(t, link, nil)
	writeFile(t, target, "dedup: {window: 5d}\n")
	if _, now := w.next(); now.Dedup.Window != 5*day {
		t.Errorf("window is %v", now.Dedup.Window)
	}
}

func TestARotatedTokenIsPutInForce(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	token := mount(t, secrets, "v1", "token", "the first token of all\n")
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "sources: [{name: a, kind: apify, tokens: [{value_file: "+token+"}]}]\n")
	w := watch(t, path, nil)
	mount(t, secrets, "v2", "token", canary+"\n")
	old, now := w.next()
	if now.Sources[0].Tokens[0].Value != canary || old.Sources[0].Tokens[0].Value != "the first token of all" {
		t.Error("the token in force is not the one in the file")
	}
	w.logs(reloadedMessage, 1)
	if strings.Contains(w.logged.Text(), canary) {
		t.Error("the log shows the token")
	}
}

func TestARotatedAPITokenIsPutInForce(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	token := mount(t, secrets, "v1", "token", "the first token of all\n")
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "http: {public_url: 'https://gate.example.com'}\napify: {token_file: "+token+"}\n")
	w := watch(t, path, nil)
	mount(t, secrets, "v2", "token", canary+"\n")
	if old, now := w.next(); now.Apify.Token != canary || old.Apify.Token != "the first token of all" {
		t.Error("the token in force is not the one in the file")
	}
	w.logs(reloadedMessage, 1)
	if strings.Contains(w.logged.Text(), canary) {
		t.Error("the log shows the token")
	}
}

func TestABadFileKeepsTheOldConfigurationAndIsLoggedOnce(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {window: 4d}\n")
	w := watch(t, path, nil)
	before := w.watcher.Current()

	writeFile(t, path, "dedup: {window: 1x}\nadmin: {tokn: "+canary+"}\n")
	record := w.logs(refusedMessage, 1)
	want := []any{
		path + `:1:17: dedup.window: "1x" is no duration; write it like 20ms, 15s, 72h or 90d`,
		path + ":2:9: admin.tokn: unknown key; did you mean admin.token?",
	}
	if diff := cmp.Diff(want, record["error"]); diff != "" || record.Level() != "ERROR" {
		t.Errorf("logged at %s (-want +got):\n%s", record.Level(), diff)
	}

	if w.watcher.Current() != before {
		t.Error("a bad file replaced the configuration")
	}
	if strings.Contains(w.logged.Text(), canary) {
		t.Errorf("the log shows a secret:\n%s", w.logged.Text())
	}

	writeFile(t, path, "dedup: {window: 5d}\n")
	if _, now := w.next(); now.Dedup.Window != 5*day {
		t.Errorf("window is %v", now.Dedup.Window)
	}
}

func TestTheSameMistakeIsLoggedOnceUnlessAskedFor(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "")
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	logger, logged := testkit.CaptureLogger(t)
	w := NewWatcher(c, WatchOptions{Path: path, Logger: logger})
	for _, step := range []struct {
		text  string
		asked bool
		want  int // refusals logged so far
	}{
		{"a: 1", false, 1},
		{"a: 2", false, 1},
		{"a: 2", true, 2},
		{"\na: 2", false, 3}, // moved: another mistake
		{"", false, 3},
		{"\na: 2", false, 4}, // it was good in between
	} {
		writeFile(t, path, step.text)
		w.reload(step.asked)
		if n := len(logged.With(refusedMessage)); n != step.want {
			t.Errorf("after %q, asked %v: %d refusals logged, want %d", step.text, step.asked, n, step.want)
		}
	}
	if n := len(logged.With("configuration read again, nothing changed")); n != 1 {
		t.Errorf("that the file is good again was logged %d times, want once", n)
	}
}

func TestAMissingFileKeepsTheOldConfiguration(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {window: 4d}\n")
	w := watch(t, path, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if record := w.logs(refusedMessage, 1); !strings.Contains(fmt.Sprint(record["error"]), "no such file") {
		t.Errorf("logged %v", record)
	}
	writeFile(t, path, "dedup: {window: 5d}\n")
	if _, now := w.next(); now.Dedup.Window != 5*day {
		t.Errorf("window is %v", now.Dedup.Window)
	}
}

func TestKeysThatNeedARestartKeepTheirValueAndAreNamed(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "")
	w := watch(t, path, nil)
	writeFile(t, path, "http: {listen: ':1', max_body: 1MiB}\ndata_dir: /elsewhere\nadmin: {token: "+canary+"}\n")
	_, now := w.next()
	if now.HTTP.MaxBody != MiB || now.HTTP.Listen != ":8080" || now.DataDir != "./data" || now.Admin.Token != "" {
		t.Errorf("in force: max_body %v, listen %s, data_dir %s, token set: %v", now.HTTP.MaxBody, now.HTTP.Listen, now.DataDir, now.Admin.Token != "")
	}
	record := w.logs(restartMessage, 1)
	if diff := cmp.Diff([]any{"data_dir", "http.listen", "admin.token"}, record["keys"]); diff != "" {
		t.Errorf("keys that need a restart (-want +got):\n%s", diff)
	}
	if strings.Contains(w.logged.Text(), canary) {
		t.Error("the log shows a secret")
	}
}

func TestWhatCannotGoTogetherWithOldValuesIsRefused(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "")
	w := watch(t, path, nil)
	writeFile(t, path, "http: {max_body: 300MiB}\ndedup: {queue_bytes: 400MiB}\n")
	w.logs("configuration refused, the old one stays in force; it needs keys that only change with a restart: restart the gateway", 1)
	if got := w.watcher.Current().HTTP.MaxBody; got != 10*MiB {
		t.Errorf("http.max_body is %v, more than the queue in force holds", got)
	}
}

func TestASignalReloadsAndAnswersInTheLog(t *testing.T) {
	t.Parallel()
	w := watch(t, "", nil, "DEDUPGATE_LOG_LEVEL=warn") // read the first time by watch
	w.signal()
	w.logs("configuration read again, nothing changed", 2)
	if w.watcher.Current().Log.Level != "warn" {
		t.Error("the environment was left out")
	}
	close(w.hangup) // nobody sends any more: no busy loop, and the end is still heard
}

func TestNewWarningsOfAReloadAreLogged(t *testing.T) {
	t.Parallel()
	path := writeFile(t, filepath.Join(t.TempDir(), "gate.yaml"), "dedup: {lease: 7s}\n")
	w := watch(t, path, nil)
	writeFile(t, path, "dedup: {lease: 7s, window: 1h}\n")
	w.next()
	w.logs("configuration warning", 1)
	w.signal()
	w.logs("configuration read again, nothing changed", 2)
	if records := w.logged.With("configuration warning"); len(records) != 1 || !strings.Contains(fmt.Sprint(records[0]["warning"]), "the window of 1h") {
		t.Errorf("warnings: %v", records)
	}
}

// Each key either reloads or needs a restart, and the list of those that reload is a promise.
func TestKeysThatReload(t *testing.T) {
	t.Parallel()
	var got []string
	for _, s := range settings(Default()) {
		if s.reload {
			got = append(got, s.key)
		}
	}
	want := []string{
		"http.max_body", "log.level", "dedup.window", "dedup.lease", "dedup.other_bodies", "admin.tokens",
		"limits.in_flight", "limits.source", "limits.client", "limits.failed_auth", "limits.storm", "limits.unproven",
		"apify.token", "apify.token_file", "apify.url", "apify.reconcile_every", "apify.longest_run",
		"retention.receipts", "retention.bodies", "retention.keys", "retention.quarantine", "sources", "destinations",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

const testToken = "dgadm_the-token-of-this-test"

// result is what a command line has left behind.
type result struct {
	code     int
	out, err string
}

// execute runs a command line, with an empty data folder unless it names one.
func execute(t *testing.T, input string, args ...string) result {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		return f
	}
	std := streams{in: file("in", input), out: file("out", ""), err: file("err", "")}
	r := result{code: run(args, std)}
	for f, text := range map[*os.File]*string{std.out: &r.out, std.err: &r.err} {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		*text = string(data)
	}
	for _, f := range []*os.File{std.in, std.out, std.err} {
		_ = f.Close()
	}
	for _, secret := range []string{testToken, sourceSecret} {
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("a secret is shown:\n%s%s", r.out, r.err)
		}
	}
	return r
}

func (r result) expect(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, s := range says {
		if !strings.Contains(r.out+r.err, s) {
			t.Errorf("it doesn't say %q:\n%s%s", s, r.out, r.err)
		}
	}
}

// adminAPI answers each "METHOD /path?query" with a value, wants the token, and refuses everything else.
func adminAPI(t *testing.T, answers map[string]any) (flags []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked := strings.TrimSpace(r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/api/v1") + " " + string(body))
		answer, known := answers[asked]
		switch {
		case r.Header.Get("Authorization") != "Bearer "+testToken:
			problem(w, http.StatusUnauthorized, "Send the admin token as 'Authorization: Bearer …'.")
		case !known:
			problem(w, http.StatusNotFound, "There is no such entry: "+asked+"\x1b[2J")
		default:
			if raw, ok := answer.([]byte); ok {
				_, _ = w.Write(raw)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
		}
	}))
	t.Cleanup(server.Close)
	return []string{"--api", server.URL, "--api-token-file", tokenFile(t, testToken)}
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refusedAddress is one that nobody listens on: a port that was free a moment ago may be another test's by now.
const refusedAddress = "http://127.0.0.1:1"

// hostile is text that must not reach a terminal as it is.
const hostile = "\x1b]0;owned\a\u202e\r\n\u009b"

var seenAt = time.Date(2026, 9, 14, 8, 4, 27, 500e6, time.UTC)

func TestUsage(t *testing.T) {
	t.Parallel()
	t.Run("help lists the commands", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "--help").expect(t, 0, "serve", "migrate", "check", "epoch", "send", "storm", "events", "runs", "quarantine list", "version")
	})
	for _, command := range []string{"serve", "migrate up", "migrate down", "migrate status", "check", "epoch bump", "send", "storm", "events", "runs", "quarantine list", "quarantine show", "quarantine replay", "version"} {
		t.Run(command+" has a help", func(t *testing.T) {
			t.Parallel()
			execute(t, "", append(strings.Fields(command), "--help")...).expect(t, 0, "Usage: dedupgate "+command)
		})
	}
	t.Run("mistakes exit 2 and say what was meant", func(t *testing.T) {
		t.Parallel()
		execute(t, "", "evnets").expect(t, 2, "evnets")
		execute(t, "", "events", "--since", "yesterday").expect(t, 2, "--since", "want how long ago")
		execute(t, "", "quarantine", "replay", "x").expect(t, 2, "--reason")
		execute(t, "").expect(t, 2)
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	execute(t, "", "version").expect(t, 0, "dedupgate ", "go1.")
	execute(t, "", "--version").expect(t, 0, "dedupgate ", "go1.")
	var v map[string]string
	r := execute(t, "", "version", "--json")
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || v["version"] == "" || v["go"] == "" {
		t.Error(err, r.out)
	}
}

func TestReachingTheAPI(t *testing.T) {
	t.Parallel()
	commands := [][]string{{"events"}, {"events", "x"}, {"runs"}, {"runs", "x"}, {"quarantine", "list"}, {"quarantine", "show", "x"}, {"quarantine", "replay", "x", "--reason", "r"}, {"storm", "--url", refusedAddress + "/webhooks/apify"}}
	for _, command := range commands {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			t.Parallel()
			with := func(flags ...string) []string { return append(append([]string{}, command...), flags...) }
			execute(t, "", with("--api", refusedAddress)...).expect(t, 1, "connection refused", "is the gateway running?", "--api")
			flags := adminAPI(t, nil)
			wrong := tokenFile(t, "dgadm_another")
			execute(t, "", with("--api", flags[1], "--api-token-file", wrong)...).expect(t, 1, "401", "the token from "+wrong, "--api-token-file")
			execute(t, "", with("--api", flags[1], "--api-token-file", "/does/not/exist")...).expect(t, 1, "read the token")
			execute(t, "", with("--api", "localhost:8081")...).expect(t, 1, "not a URL")
		})
	}
	t.Run("a token that a local gateway keeps is found", func(t *testing.T) {
		t.Parallel()
		flags := adminAPI(t, map[string]any{"GET /events?limit=51": view.Page[view.Event]{}})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "admin-token"), []byte(testToken+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, "", "events", "--api", flags[1], "--data-dir", dir).expect(t, 0, "No events.")
		execute(t, "", "events", "--api", flags[1], "--data-dir", t.TempDir()).expect(t, 1, "no token was sent")
	})
	t.Run("and shown to local gateways alone", func(t *testing.T) {
		t.Parallel()
		for address, want := range map[string]bool{
			"http://127.0.0.1:8081": true, "http://localhost:1": true, "http://[::1]:1": true,
			"http://gate.example.com": false, "http://127.0.0.1.example.com": false, "http://10.0.0.1": false, "%": false,
		} {
			if got := isLocal(address); got != want {
				t.Errorf("%s: %t", address, got)
			}
		}
	})
}

func TestAPITokenFromTheEnvironment(t *testing.T) {
	t.Setenv(apiVariable, testToken)
	flags := adminAPI(t, map[string]any{"GET /runs?limit=51": view.Page[view.Run]{}})
	execute(t, "", "runs", "--api", flags[1]).expect(t, 0, "No runs.")
	t.Setenv(apiVariable, "another")
	execute(t, "", "runs", "--api", flags[1]).expect(t, 1, "the token from "+apiVariable)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gate.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("each mistake has its own lines and a caret", func(t *testing.T) {
		write("dedupp: {}\ndedup:\n  window: 2 days\n")
		r := execute(t, "", "check", "--config", file)
		r.expect(t, 1, file+":1:1: dedupp: unknown key", file+":3:11: dedup.window: ", "\n  3 |   window: 2 days\n    |           ^\n")
		if strings.Contains(r.err, `\n`) {
			t.Errorf("line ends are escaped:\n%s", r.err)
		}
	})
	t.Run("a fresh folder is no fault, and stays fresh", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		write("data_dir: " + data + "\n")
		execute(t, "", "check", "--config", file).expect(t, 0, "SQLite: no database in data_dir yet", "embedded, inside the gateway")
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("check made the folder: %v", err)
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, Žluťoučký 日本": "plain text, Žluťoučký 日本",
		hostile:                    `\x1b]0;owned\a\u202e\r\n\u009b`,
		"tab\tnul\x00del\x7f":      `tab\tnul\x00del\x7f`,
		"byte \x9b\xff":            `byte \x9b\xff`,
		"\u009b31m\ufeff":          `\u009b31m\ufeff`,
		"kept \uFFFD as it is":     "kept \uFFFD as it is",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 20, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "7d": now.Add(-7 * 24 * time.Hour), "2026-09-14T10:00:00+02:00": time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC),
		"2026-09-14": time.Date(2026, 9, 14, 0, 0, 0, 0, time.Local), "2026-09-14 10:30": time.Date(2026, 9, 14, 10, 30, 0, 0, time.Local),
	} {
		if got, err := parseWhen(in, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "soon", "-5m", "5", "-1d", "99999999d"} {
		if got, err := parseWhen(in, now); err == nil {
			t.Errorf("%q is taken for %s", in, got)
		}
	}
}

func TestLasting(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		26 * time.Millisecond: "26ms", 1500 * time.Millisecond: "1.5s", 10 * time.Second: "10s", 70 * time.Second: "1m10s",
		5 * time.Minute: "5m", 2 * time.Hour: "2h0m", 100 * time.Hour: "4.2 days",
	} {
		if got := lasting(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

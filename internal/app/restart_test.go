package app_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestTheSameFolderStartedAgainForgetsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0", token: %q}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
`, filepath.Join(dir, "data"), adminToken, testToken)
	s, _ := samples.Get("failed")
	r := startIn(t, dir, yaml)
	first := r.send(s.Headers, s.Body)
	if first.Outcome != "new" {
		t.Fatalf("answered %d %s", first.Code, first.Outcome)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := startIn(t, dir, yaml)
	if a := again.send(s.Headers, s.Body); a.Outcome != "duplicate" || a.EventID != first.EventID {
		t.Errorf("after a restart: %s of event %s, want a duplicate of %s", a.Outcome, a.EventID, first.EventID)
	}
}

// embedded is the configuration of a gateway that nobody configured, but for its addresses and folder.
func embedded(t *testing.T, dir, listen string) *config.Config {
	t.Helper()
	cfg, err := config.Load("", []string{"DEDUPGATE_HTTP_LISTEN=" + listen, "DEDUPGATE_ADMIN_LISTEN=127.0.0.1:0", "DEDUPGATE_DATA_DIR=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTokensAreMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var urls []string
	for range 2 {
		a, err := app.New(t.Context(), app.Options{Config: embedded(t, dir, "127.0.0.1:0"), Log: testkit.Logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		_, token, ok := strings.Cut(a.Welcome().WebhookURL, "?token=")
		if !ok {
			t.Errorf("webhook URL %q has no token", a.Welcome().WebhookURL)
		}
		urls = append(urls, token)
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if urls[0] != urls[1] {
		t.Error("the token changed with the restart")
	}
	for _, name := range []string{"source-token-apify", "admin-token", "dedupgate.db"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s can be read by others: %v", name, mode)
		}
	}
}

func TestAFailedStartSaysWhatToDo(t *testing.T) {
	t.Parallel()
	t.Run("port taken", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = taken.Close() }()
		_, err = app.New(t.Context(), app.Options{Config: embedded(t, t.TempDir(), taken.Addr().String()), Log: testkit.Logger(t)})
		if err == nil || !strings.Contains(err.Error(), "DEDUPGATE_HTTP_LISTEN") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line that names DEDUPGATE_HTTP_LISTEN", err)
		}
	})
	t.Run("folder is a file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.New(t.Context(), app.Options{Config: embedded(t, path, "127.0.0.1:0"), Log: testkit.Logger(t)})
		if err == nil || !strings.Contains(err.Error(), "DEDUPGATE_DATA_DIR") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line that names DEDUPGATE_DATA_DIR", err)
		}
	})
	t.Run("database away", func(t *testing.T) {
		t.Parallel()
		yaml := filepath.Join(t.TempDir(), "c.yaml")
		text := fmt.Sprintf(`data_dir: %q
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
database: {url: "postgres://u:geheim@127.0.0.1:1/x"}
redis: {mode: single, addresses: ["127.0.0.1:1"]}
sources: [{name: apify, kind: apify, tokens: [{value: %q}]}]
`, t.TempDir(), testToken)
		if err := os.WriteFile(yaml, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(yaml, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.New(t.Context(), app.Options{Config: cfg, Log: testkit.Logger(t)})
		if err == nil || !strings.Contains(err.Error(), "database") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("got %v, want a word about the database and no password", err)
		}
	})
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loaded reads a configuration from text.
func loadedFrom(t *testing.T, text string) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dedupgate.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func TestAWindowsBlockCanBePasted(t *testing.T) {
	t.Parallel()
	const text = `
dedup: {window: 2d}
sources:
  - name: apify
    kind: apify
    tokens: [{value: "a-token-in-clear-0123456789"}]
    lease: 20s
    event_types: {ACTOR.RUN.FAILED: {window: 10d}}
  - {name: other, kind: generic, identity: {keys: ["body:sha256"]}, tokens: [{value: "another-token-0123456789"}]}
`
	c := loadedFrom(t, text)
	for name, tt := range map[string]struct {
		source, eventType string
		window            time.Duration
	}{
		"a source's":             {"apify", "", 36 * time.Hour},
		"a type's":               {"apify", "ACTOR.RUN.SUCCEEDED", 90 * time.Second},
		"a type's that has one":  {"apify", "ACTOR.RUN.FAILED", time.Hour},
		"a generic source's own": {"other", "", 5 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			block, err := c.WindowYAML(tt.source, tt.eventType, tt.window)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(block, "a-token-in-clear") || strings.Contains(block, "quarantine_status") || strings.Contains(block, "#") {
				t.Errorf("the block:\n%s", block)
			}
			pasted := loadedFrom(t, "dedup: {window: 2d}\n"+block)
			if window, _ := pasted.Window(pasted.Sources[0], tt.eventType); window != tt.window {
				t.Errorf("the window is %v, want %v\n%s", window, tt.window, block)
			}
			before, _ := c.Window(c.Sources[0], "ACTOR.RUN.FAILED")
			after, _ := pasted.Window(pasted.Sources[0], "ACTOR.RUN.FAILED")
			if tt.source == "apify" && tt.eventType != "ACTOR.RUN.FAILED" && before != after {
				t.Errorf("the window of another type went from %v to %v", before, after)
			}
			if tt.source == "apify" && pasted.Sources[0].Tokens[0].Digest() != c.Sources[0].Tokens[0].Digest() {
				t.Error("the token is another one")
			}
		})
	}
	if window, _ := c.Window(c.Sources[0], ""); window != 48*time.Hour {
		t.Errorf("the configuration in force was changed: %v", window)
	}
}

func TestAWindowThatCantBeSetIsExplained(t *testing.T) {
	t.Parallel()
	c := loadedFrom(t, "dedup: {lease: 1m, window: 1h}\n")
	for window, says := range map[time.Duration]string{30 * time.Second: "lease", 5000 * time.Hour * 24: "window"} {
		if block, err := c.WindowYAML("apify", "", window); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v %s", window, err, block)
		}
	}
	if _, err := c.WindowYAML("nobody", "", time.Hour); err == nil {
		t.Error("a source that is not configured got a block")
	}
}

func TestASecretInClearStaysOutOfTheBlock(t *testing.T) {
	t.Parallel()
	c := loadedFrom(t, `
sources:
  - name: github
    kind: generic
    identity: {keys: ["body:sha256"]}
    auth: {signatures: [{scheme: hmac, header: X-Hub-Signature-256, prefix: "sha256=", secrets: [{value: "secret-in-clear-0123456789"}]}]}
`)
	block, err := c.WindowYAML("github", "", time.Hour)
	if err != nil || strings.Contains(block, "secret-in-clear") || strings.Contains(block, "***") ||
		!strings.Contains(block, "window: 1h") || !strings.HasPrefix(block, blockRemark) {
		t.Errorf("%v\n%s", err, block)
	}
}

func TestWhereAWindowIsSet(t *testing.T) {
	t.Parallel()
	c := loadedFrom(t, `
sources:
  - {name: a, kind: apify, tokens: [{value: "a-token-in-clear-0123456789"}], event_types: {TEST: {window: 1h}, ACTOR.RUN.FAILED: {lease: 20s}}}
  - {name: b, kind: apify, tokens: [{value: "a-token-in-clear-0123456789"}], window: 1h}
`)
	for at, want := range map[[2]string]string{
		{"a", ""}: "dedup.window", {"a", "TEST"}: "sources[a].event_types[TEST].window own", {"a", "ACTOR.RUN.FAILED"}: "dedup.window",
		{"b", ""}: "sources[b].window own", {"b", "TEST"}: "sources[b].window", {"c", ""}: "dedup.window",
	} {
		key, own := c.WindowSetting(at[0], at[1])
		if own {
			key += " own"
		}
		if key != want {
			t.Errorf("%v: %s, want %s", at, key, want)
		}
	}
}

package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnmaskedYAMLReadsBackToTheSameConfiguration(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), canary+"\n")
	for name, c := range map[string]*Config{
		"defaults":   mustLoad(t, ""),
		"production": mustLoad(t, production),
		"secrets from files": mustLoad(t, production+"    event_types: {ACTOR.RUN.CREATED: {window: 5d}, TEST: {lease: 20s}}\n"+
			"admin: {token_file: "+file+"}\n"),
		"words that YAML takes for something else": mustLoad(t, production, "DEDUPGATE_ADMIN_TOKEN=null", "DEDUPGATE_REDIS_USERNAME=0x1F",
			"DEDUPGATE_REDIS_PASSWORD=~", "DEDUPGATE_DATA_DIR= # {a: &b *c} \"'\\", "DEDUPGATE_HTTP_TRUSTED_PROXIES=10.0.0.0/8"),
	} {
		text, err := c.YAML(false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, err := load("printed.yaml", text, nil)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		// A list is none or empty: one thing for everybody who reads it.
		again.HTTP.TrustedProxies, again.Redis.Addresses = nilIfEmpty(again.HTTP.TrustedProxies), nilIfEmpty(again.Redis.Addresses)
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("%s: read back (-printed +read):\n%s", name, diff)
		}
	}
}

func nilIfEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func TestMaskedYAMLHasEveryKeyAndNoSecret(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, production, "DEDUPGATE_ADMIN_TOKEN="+canary)
	text, err := c.YAML(true)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, s := range settings(c) {
		if key := s.key[strings.LastIndex(s.key, ".")+1:]; !strings.Contains(string(text), key+":") {
			t.Errorf("%s is missing in\n%s", s.key, text)
		}
	}
	for _, want := range []string{"token: \"***\"", "url: postgres://u:***@db:5432/gate", "- value: \"***\"", "window: 3d"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestASecretFromAFileIsNeverPrinted(t *testing.T) {
	t.Parallel()
	file := writeFile(t, filepath.Join(t.TempDir(), "secret"), canary+"\n")
	c := mustLoad(t, "sources: [{name: a, kind: apify, tokens: [{value_file: "+file+"}]}]", "DEDUPGATE_ADMIN_TOKEN_FILE="+file)
	text, err := c.YAML(false)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) || strings.Count(string(text), file) != 2 {
		t.Errorf("want the file's name and not what it holds:\n%s", text)
	}
	if c.Admin.Token != canary || c.Sources[0].Tokens[0].Value != canary {
		t.Error("printing changed the configuration")
	}
}

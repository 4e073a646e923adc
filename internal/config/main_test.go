package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands for every secret in these tests: nothing that is printed may contain it.
const canary = "c4n4ry-0f-4-s3cr3t"

// production is the least that a production file needs.
const production = `
database:
  url: postgres://u:` + canary + `@db:5432/gate
redis:
  mode: single
  addresses: [redis:6379]
sources:
  - name: apify
    kind: apify
    tokens: [{value: ` + canary + `}]
`

// mustLoad loads a text that must be good.
func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := load("test.yaml", []byte(text), environ)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return c
}

// problemsOf loads a text that must be refused; no problem may show the canary.
func problemsOf(t *testing.T, text string, environ ...string) Problems {
	t.Helper()
	c, err := load("test.yaml", []byte(text), environ)
	if c != nil {
		t.Errorf("a configuration came back together with %v", err)
	}
	var problems Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("load: got error %v, want Problems", err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("the error shows a secret:\n%v", err)
	}
	return problems
}

// find is the problem of a key; the test ends without one.
func find(t *testing.T, problems Problems, key string) Problem {
	t.Helper()
	for _, p := range problems {
		if p.Key == key {
			return p
		}
	}
	t.Fatalf("no problem of key %q in:\n%v", key, problems)
	return Problem{}
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

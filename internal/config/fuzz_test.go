package config

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLoad feeds whole files and one variable: a configuration is good and complete, or refused with problems; a good one
// reads back from its own print; a password never shows.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", production, string(example), uncomment(string(example)), "a: &a [*a, *a]", "http: {<<: *x}", "? a\n: b", "- - a", "%YAML 1.2\n---\n",
		"admin:\n  token: |2-\n    x\n", "sources: [{name: a, kind: generic, identity: {keys: [\"body:a\"]}, tokens: [{value: \"\\x41\"}]}]",
	} {
		f.Add(seed, "DEDUPGATE_LOG_LEVEL=debug")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		if strings.Contains(text, "_file") || strings.Contains(variable, "_FILE") {
			return // a fuzzer should not read files of this machine
		}
		c, err := load("fuzz.yaml", []byte(text), []string{variable, "DEDUPGATE_REDIS_PASSWORD=" + canary})
		if err != nil {
			var problems Problems
			if c != nil || !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("configuration %v with error %v", c, err)
			}
			if strings.Contains(err.Error(), canary) && !strings.Contains(text+variable, canary) {
				t.Fatalf("a secret is shown: %v", err)
			}
			return
		}
		if masked, err := c.YAML(true); err != nil || strings.Contains(string(masked), canary) && !strings.Contains(text+variable, canary) {
			t.Fatalf("printed masked: %v\n%s", err, masked)
		}
		printed, err := c.YAML(false)
		if err != nil {
			t.Fatalf("print: %v", err)
		}
		again, err := load("printed.yaml", printed, nil)
		if err != nil {
			t.Fatalf("read back: %v\n%s", err, printed)
		}
		reprinted, err := again.YAML(false)
		if err != nil {
			t.Fatalf("print again: %v", err)
		}
		if diff := cmp.Diff(string(printed), string(reprinted)); diff != "" {
			t.Fatalf("read back (-printed +read):\n%s", diff)
		}
	})
}

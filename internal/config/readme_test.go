package config

import (
	"os"
	"strings"
	"testing"
)

// TestREADMEHasTheTable compares the README's table of keys with the one made from the comments here. When it fails, put
// the text of its message between the two marks.
func TestREADMEHasTheTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Table()
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- config table: begin -->\n", "<!-- config table: end -->"
	_, rest, found := strings.Cut(string(text), begin)
	got, _, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md lacks the marks %q and %q", begin, end)
	}
	if got != want {
		t.Errorf("README.md's table is not up to date. It should be:\n%s", want)
	}
}

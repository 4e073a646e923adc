package throwaway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBinaryPrefersTheNewestVersion(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	const name = "a-program-of-no-other-package"
	for _, version := range []string{"9", "17", "15"} {
		dir := filepath.Join(parent, version, "bin")
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := binary(name, "none", filepath.Join(parent, "*", "bin"))
	if want := filepath.Join(parent, "17", "bin", name); err != nil || got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestMissingBinarySaysWhatToInstall(t *testing.T) {
	t.Parallel()
	_, err := binary("a-program-of-no-other-package", "that-package", filepath.Join(t.TempDir(), "*"))
	if err == nil || !strings.Contains(err.Error(), "make deps") || !strings.Contains(err.Error(), "that-package") {
		t.Errorf("got %v", err)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "a\n": "a", "a\nb\nc\n": "b\nc"} {
		if got := Tail(text, 2); got != want {
			t.Errorf("Tail(%q) = %q, want %q", text, got, want)
		}
	}
}

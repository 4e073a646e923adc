package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCheckSaysWhereNoDatabaseCanBeMade(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Level{
		folder:                               LevelOK,
		filepath.Join(folder, "new", "data"): LevelOK,
		filepath.Join(file, "data"):          LevelError,
	} {
		if f := checkFolder(path); f.Level != want {
			t.Errorf("%s: %s (%s), want %s", path, f.Level, f.Text, want)
		}
	}
}

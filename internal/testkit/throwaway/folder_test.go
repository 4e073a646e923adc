package throwaway

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSweepRemovesOnlyOldFoldersOfTheDead(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	made := time.Now()
	place := func(name string, age time.Duration) string {
		path := filepath.Join(parent, name)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chtimes(path, made, made.Add(-age))); err != nil {
			t.Fatal(err)
		}
		return path
	}
	orphan := place(folderPrefix+"orphan", time.Hour)
	fresh := place(folderPrefix+"fresh", 0)
	foreign := place("somebody-elses", time.Hour)
	owned := place(folderPrefix+"owned", time.Hour)
	lock, err := lockFile(filepath.Join(owned, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err = os.Chtimes(owned, made, made.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}

	sweep(parent, made.Add(-orphanAge))

	if _, err := os.Stat(orphan); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the orphan is still there (%v)", err)
	}
	for _, path := range []string{fresh, foreign, owned} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("removed too much: %v", err)
		}
	}
}

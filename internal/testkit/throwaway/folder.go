package throwaway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	folderPrefix = "dedupgate-throwaway-"
	// orphanAge spares folders that another process is making right now and has not locked yet.
	orphanAge = time.Minute
)

// folder is a server's place on disk. A lock that ends with the owning process tells a living folder from an orphan.
type folder struct {
	path string
	lock *os.File
}

func newFolder() (*folder, error) {
	sweep(os.TempDir(), time.Now().Add(-orphanAge))
	path, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(path, "lock"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), os.RemoveAll(path))
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) remove() error {
	return errors.Join(os.RemoveAll(f.path), f.lock.Close())
}

// sweep removes folders older than the given time whose owner has died. It is a courtesy: what can't be removed stays.
func sweep(parent string, before time.Time) {
	paths, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*"))
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.ModTime().After(before) {
			continue
		}
		lock, err := lockFile(filepath.Join(path, "lock"))
		if err != nil {
			continue // its owner lives, or it isn't ours
		}
		_ = os.RemoveAll(path)
		_ = lock.Close()
	}
}

// lockFile takes a lock that the kernel gives back when the process ends; it fails at once if another process holds it.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

package throwaway

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// binary finds a program in PATH or, for PostgreSQL's which Debian keeps out of it, in the folders of the usual packages,
// the newest version first.
func binary(name, pkg string, patterns ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	var found []string
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(filepath.Join(pattern, name))
		found = append(found, paths...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%s is not installed: run `make deps`, or install your system's package %s", name, pkg)
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

// version reads the number of …/15/bin/postgres; 0 when there is none.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

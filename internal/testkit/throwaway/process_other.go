//go:build !linux

package throwaway

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
)

// dieWithParent: only Linux can do this. Elsewhere a server outlives a test binary that is killed with SIGKILL.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// descendants lists the living processes below root, parents before children.
func descendants(root int) ([]int, error) {
	table, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes with ps: %w", err)
	}
	children := map[int][]int{}
	for line := range strings.Lines(string(table)) {
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(line, &pid, &parent, &state); err == nil && state[0] != 'Z' {
			children[parent] = append(children[parent], pid)
		}
	}
	found := append([]int(nil), children[root]...)
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found, nil
}

// running reports whether a process is there.
func running(pid int) bool { return syscall.Kill(pid, 0) == nil }

// removeSharedMemory: only done on Linux.
func removeSharedMemory(int) {}

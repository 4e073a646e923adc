package throwaway

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent has the kernel send sig to the child when the thread that started it ends.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// descendants lists the living processes below root, parents before children, from /proc: minimal images have no ps.
func descendants(root int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, path := range stats {
		if pid, parent, state := readStat(path); pid != 0 && state != 'Z' {
			children[parent] = append(children[parent], pid)
		}
	}
	found := append([]int(nil), children[root]...)
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found, nil
}

// running reports whether a process is there and more than a zombie waiting for its parent.
func running(pid int) bool {
	found, _, state := readStat("/proc/" + strconv.Itoa(pid) + "/stat")
	return found != 0 && state != 'Z'
}

// readStat reads "pid (name) state parent …"; the name may hold anything. pid is 0 when the process is gone.
func readStat(path string) (pid, parent int, state byte) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0
	}
	open, shut := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || shut < open {
		return 0, 0, 0
	}
	rest := strings.Fields(string(text[shut+1:]))
	if len(rest) < 2 {
		return 0, 0, 0
	}
	pid, _ = strconv.Atoi(strings.TrimSpace(string(text[:open])))
	parent, _ = strconv.Atoi(rest[1])
	return pid, parent, rest[0][0]
}

// ipcRemove is IPC_RMID of shmctl(2).
const ipcRemove = 0

// removeSharedMemory frees a System V segment that a killed PostgreSQL left behind.
func removeSharedMemory(id int) {
	_, _, _ = syscall.Syscall(syscall.SYS_SHMCTL, uintptr(id), ipcRemove, 0) //nolint:dogsled // if it is gone already, fine
}

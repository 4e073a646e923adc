package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc; Linux shows all programs 100 a second.
const tick = 10 * time.Millisecond

// usage is the processor time that a phase took, by who took it.
type usage struct {
	times
	others float64 // processors that everything else kept busy on average, the kernel's own work included
}

// times are processor times.
type times struct{ generator, receiver, postgres, redis, all time.Duration }

// meter reads processor times at its start and at its end.
type meter struct {
	started  time.Time
	receiver int // process ids
	postgres int
	redis    int
	before   times // since boot or since each process's start
}

func (s *stage) startMeter(receiver *contender) (*meter, error) {
	m := &meter{started: time.Now(), receiver: receiver.pid(), postgres: s.postgres.PID(), redis: s.redis.PID()}
	var err error
	m.before, err = m.read()
	return m, err
}

func (m *meter) stop() (usage, error) {
	after, err := m.read()
	u := usage{times: times{
		generator: after.generator - m.before.generator, receiver: after.receiver - m.before.receiver,
		postgres: after.postgres - m.before.postgres, redis: after.redis - m.before.redis, all: after.all - m.before.all,
	}}
	ours := u.generator + u.receiver + u.postgres + u.redis
	u.others = max(0, float64(u.all-ours)/float64(time.Since(m.started)))
	return u, err
}

func (m *meter) read() (times, error) {
	var t times
	var errs [5]error
	t.generator, errs[0] = processTime(os.Getpid(), false)
	t.receiver, errs[1] = processTime(m.receiver, false)
	t.postgres, errs[2] = processTime(m.postgres, true)
	t.redis, errs[3] = processTime(m.redis, false)
	t.all, errs[4] = machineTime()
	return t, errors.Join(errs[:]...)
}

// processTime is the processor time of a process; with its children's, those that have ended included.
func processTime(pid int, family bool) (time.Duration, error) {
	_, ticks, err := readStat(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	sum := ticks[0] + ticks[1]
	if !family {
		return time.Duration(sum) * tick, nil
	}
	sum += ticks[2] + ticks[3]
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range stats {
		if parent, ticks, err := readStat(path); err == nil && parent == pid { // one may end while we look
			sum += ticks[0] + ticks[1]
		}
	}
	return time.Duration(sum) * tick, nil
}

// readStat reads "pid (name) state parent … utime stime cutime cstime …"; the name may hold anything.
func readStat(path string) (parent int, ticks [4]int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, ticks, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const parentField, timeFields = 1, 11
	if len(fields) < timeFields+len(ticks) {
		return 0, ticks, fmt.Errorf("%s: too short", path)
	}
	parent, err = strconv.Atoi(fields[parentField])
	for i := range ticks {
		var wrong error
		ticks[i], wrong = strconv.ParseInt(fields[timeFields+i], 10, 64)
		err = errors.Join(err, wrong)
	}
	return parent, ticks, err
}

// machineTime is the time that all processors were busy; time taken by the hypervisor counts, since nobody here had it.
func machineTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal guest guest_nice; guests are in user
	var sum int64
	for i, field := range fields[1:min(9, len(fields))] {
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && !slices.Contains([]int{3, 4}, i) {
			sum += n
		}
	}
	return time.Duration(sum) * tick, nil
}

// residentBytes is the memory that a process holds.
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: too short", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

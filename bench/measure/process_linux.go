//go:build linux

package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// userHz is the unit of the times in /proc/PID/stat; it is 100 on every architecture that Go runs on.
const userHz = 100

// Group adds up the processes of one process group, so that a master and its workers count together.
func Group(pgid int) (Usage, error) {
	pids, err := members(pgid)
	if err != nil {
		return Usage{}, err
	}
	if len(pids) == 0 {
		return Usage{}, fmt.Errorf("measure: process group %d: %w", pgid, unix.ESRCH)
	}
	var sum Usage
	for _, pid := range pids {
		u, err := Process(pid)
		if err != nil {
			return Usage{}, err
		}
		sum = sum.plus(u)
	}
	return sum, nil
}

// Process reads one process with all its threads.
func Process(pid int) (Usage, error) {
	cpu, err := cpuClock(pid)
	if err != nil {
		return Usage{}, fmt.Errorf("measure: CPU clock of process %d: %w", pid, err)
	}
	st, err := readStat(pid)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{CPU: cpu, User: st.user, System: st.system, RSS: st.rss, Threads: st.threads}
	return u, u.readTasks(pid)
}

// cpuClock reads the clock that clock_getcpuclockid(3) names: the time of the whole thread group.
func cpuClock(pid int) (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED in include/linux/posix-timers.h
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}

type stat struct {
	pgrp         int
	user, system time.Duration
	rss          int64
	threads      int
}

// readStat parses /proc/PID/stat, proc_pid_stat(5).
func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is the name in parentheses and may hold anything.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 22 {
		return stat{}, fmt.Errorf("measure: /proc/%d/stat is short: %q", pid, b)
	}
	num := func(field int) int64 {
		n, _ := strconv.ParseInt(string(f[field-3]), 10, 64)
		return n
	}
	return stat{
		pgrp:    int(num(5)),
		user:    time.Duration(num(14)) * time.Second / userHz,
		system:  time.Duration(num(15)) * time.Second / userHz,
		threads: int(num(20)),
		rss:     num(24) * int64(os.Getpagesize()),
	}, nil
}

// readTasks reads the threads that live now: their times, and the sum of their context switches.
func (u *Usage) readTasks(pid int) error {
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return err
	}
	u.Tasks = map[int]Thread{}
	for _, dir := range dirs {
		b, err := os.ReadFile(dir + "/status")
		if err != nil {
			continue // the thread ended meanwhile
		}
		u.Voluntary += statusNumber(b, "\nvoluntary_ctxt_switches:")
		u.Involuntary += statusNumber(b, "\nnonvoluntary_ctxt_switches:")
		id, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return err
		}
		if cpu, ok := schedTime(dir); ok {
			u.Tasks[id] = Thread{Name: statusText(b, "Name:"), CPU: cpu}
		}
	}
	return nil
}

// schedTime is the first number of schedstat, which kernels without CONFIG_SCHED_INFO lack. The clock of
// another process's thread can not be read: clock_gettime(2) refuses it.
func schedTime(dir string) (time.Duration, bool) {
	b, err := os.ReadFile(dir + "/schedstat")
	if err != nil {
		return 0, false
	}
	first, _, _ := bytes.Cut(b, []byte(" "))
	n, err := strconv.ParseInt(string(first), 10, 64)
	return time.Duration(n), err == nil
}

func statusText(b []byte, key string) string {
	_, after, found := bytes.Cut(b, []byte(key))
	if !found {
		return ""
	}
	line, _, _ := bytes.Cut(after, []byte("\n"))
	return string(bytes.TrimSpace(line))
}

func statusNumber(b []byte, key string) int64 {
	n, _ := strconv.ParseInt(statusText(b, key), 10, 64) // absent is none
	return n
}

// members lists the processes of a group. A process that ends during the walk is left out.
func members(pgid int) ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if st, err := readStat(pid); err == nil && st.pgrp == pgid {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

package app

import (
	"fmt"
	"os"
	goruntime "runtime"
	"syscall"
	"time"
)

// ownThread ties the calling goroutine to its thread, for ever, and returns it.
func ownThread() int {
	goruntime.LockOSThread()
	return syscall.Gettid()
}

// threadWaited returns how long a thread of this process has waited for a CPU so far:
// the second number in schedstat (Documentation/scheduler/sched-stats.rst). Zero on a
// kernel without.
func threadWaited(tid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", tid))
	if err != nil {
		return 0
	}
	var ran, waited int64
	if _, err := fmt.Sscan(string(text), &ran, &waited); err != nil {
		return 0
	}
	return time.Duration(waited)
}

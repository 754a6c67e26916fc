//go:build linux

package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Pin binds the calling thread to one core. The caller has locked its goroutine to the thread; a
// process started from that thread inherits the binding.
func Pin(cores ...int) error {
	var set unix.CPUSet
	for _, c := range cores {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("measure: pin to cores %v: %w", cores, err)
	}
	return nil
}

// Nice sets the priority of the calling thread, -20 (first) to 19 (last), under the same conditions as
// Pin.
func Nice(n int) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, n); err != nil {
		return fmt.Errorf("measure: priority %d: %w", n, err)
	}
	return nil
}

// Cores lists the cores that the calling thread may run on.
func Cores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("measure: sched_getaffinity: %w", err)
	}
	var cores []int
	for c := 0; len(cores) < set.Count(); c++ {
		if set.IsSet(c) {
			cores = append(cores, c)
		}
	}
	return cores, nil
}

// Busy is the time that cores were not idle since boot, in 10 ms steps, from /proc/stat.
func Busy(cores ...int) (time.Duration, error) {
	if len(cores) == 0 {
		return 0, nil
	}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, core := range cores {
		d, err := busy(b, core)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// busy finds a core in the text of /proc/stat.
func busy(b []byte, core int) (time.Duration, error) {
	_, line, found := bytes.Cut(b, fmt.Appendf(nil, "\ncpu%d ", core))
	if !found {
		return 0, fmt.Errorf("measure: no core %d in /proc/stat", core)
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	var sum int64
	for i, f := range bytes.Fields(line) {
		const idle, iowait, guest = 3, 4, 8
		if i == idle || i == iowait || i >= guest {
			continue
		}
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / userHz, nil
}

// Self is the CPU time of the calling process, to the nanosecond.
func Self() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// RaiseFiles lifts the soft limit of open descriptors, and the hard one where the caller may, to at
// least n if it can; it returns the soft limit that resulted. Processes started later inherit it.
func RaiseFiles(n uint64) (uint64, error) {
	var rl unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &rl); err != nil {
		return 0, err
	}
	n = max(n, rl.Cur)
	// Set even what is so already: Go lowers it again for children unless the program set it itself.
	want := unix.Rlimit{Cur: n, Max: max(n, rl.Max)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &want); err == nil {
		return n, nil
	}
	rl.Cur = rl.Max
	return rl.Cur, unix.Setrlimit(unix.RLIMIT_NOFILE, &rl)
}

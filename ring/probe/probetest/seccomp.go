//go:build linux

package probetest

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter reads the call's number, which is the first word of struct
// seccomp_data. It does not look at the architecture: a test makes no foreign calls.
const offsetNr = 0

// filter is a classic BPF program: one comparison and one answer per denied call.
func filter(deny map[uintptr]syscall.Errno) []unix.SockFilter {
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetNr}}
	calls := make([]uintptr, 0, len(deny))
	for nr := range deny {
		calls = append(calls, nr)
	}
	slices.Sort(calls)
	for _, nr := range calls {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(nr)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(deny[nr])},
		)
	}
	return append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// install puts the filter on every thread of the process. Setting no_new_privs
// first makes that possible without privilege; TSYNC carries both over.
func install(program []unix.SockFilter) error {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: unsafe.SliceData(program)}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	goruntime.KeepAlive(program)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d can not take the filter", thread)
	}
	return nil
}

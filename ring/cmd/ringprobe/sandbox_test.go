//go:build linux

package main

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/ring/probe/probetest"
)

// live runs the command on this machine.
func live(t *testing.T, args ...string) (code int, stdout string) {
	var out, errs bytes.Buffer
	c := command{stdout: &out, stderr: &errs, probe: probe.Run}
	code = c.run(t.Context(), args)
	require.Empty(t, errs.String())
	return code, out.String()
}

func skipIfBlocked(t *testing.T) {
	if code, out := live(t, "-require=io_uring"); code != exitMet {
		t.Skip(out)
	}
}

func TestLive(t *testing.T) {
	skipIfBlocked(t)
	code, out := live(t)
	require.Equal(t, exitMet, code)
	require.Contains(t, out, "io_uring usable: the runtime will choose io_uring\n")
	code, _ = live(t, "-require=io_uring,recv_multishot,portable")
	require.Equal(t, exitMet, code)
}

func TestBlockedBySeccomp(t *testing.T) {
	skipIfBlocked(t)
	for name, nr := range map[string]uintptr{
		"io_uring_setup": unix.SYS_IO_URING_SETUP, "io_uring_register": unix.SYS_IO_URING_REGISTER,
		"io_uring_enter": unix.SYS_IO_URING_ENTER,
	} {
		for word, errno := range map[string]syscall.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS} {
			t.Run(name+"_"+word, func(t *testing.T) {
				if probetest.Parent(t, probetest.Sandbox{Deny: map[uintptr]syscall.Errno{nr: errno}}) {
					return
				}
				code, out := live(t)
				require.Equal(t, exitMet, code)
				require.Contains(t, out, "io_uring blocked by seccomp: the runtime will choose epoll\n")
				require.Contains(t, out, name+": "+word)
				require.Contains(t, out, "\nFix\n")
				require.Contains(t, out, "seccomp=headrace.json")

				code, out = live(t, "-require=io_uring")
				require.Equal(t, exitNotMet, code)
				require.Equal(t, "io_uring: not met: io_uring blocked by seccomp\n", out)
				code, _ = live(t, "-require=epoll")
				require.Equal(t, exitMet, code)
			})
		}
	}
}

func TestBlockedByMemlock(t *testing.T) {
	skipIfBlocked(t)
	if probetest.Parent(t, probetest.Sandbox{Memlock: 64 << 10}) {
		return
	}
	code, out := live(t)
	require.Equal(t, exitMet, code)
	require.Contains(t, out, "soft 64 KiB, hard 64 KiB")
	require.Contains(t, out, "memlock=67108864")
	code, out = live(t, "-require=io_uring")
	if code == exitNotMet {
		require.Equal(t, "io_uring: not met: io_uring blocked by RLIMIT_MEMLOCK\n", out)
	} // else this kernel does not count rings; package probe tests which do
}

// TestQuick: everything takes less than 100 ms, without privileges. A busy machine
// may disturb a run, not all of them.
func TestQuick(t *testing.T) {
	skipIfBlocked(t)
	if probetest.Parent(t, probetest.Sandbox{Memlock: 8 << 20}) {
		return
	}
	const runs, limit = 20, 100 * time.Millisecond
	best := time.Hour
	for range runs {
		start := time.Now()
		code, _ := live(t, "-json")
		require.Equal(t, exitMet, code)
		best = min(best, time.Since(start))
	}
	require.Less(t, best, limit)
}

package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/examples/internal/apptest"
	"github.com/headrace/headrace/ring/probe/probetest"
)

// TestWithoutRings: where io_uring is forbidden, asking for it is a mistake told in
// one line, and not asking is none.
func TestWithoutRings(t *testing.T) {
	t.Setenv("HEADRACE_BACKEND", "")
	deny := map[uintptr]syscall.Errno{unix.SYS_IO_URING_SETUP: unix.EPERM}
	if probetest.Parent(t, probetest.Sandbox{Deny: deny}) {
		return
	}
	out := apptest.Fail(t, "-addr", "127.0.0.1:0", "-backend", "io_uring", "-loops", "16")
	require.Equal(t, "echo: backend io_uring can not run: io_uring blocked by seccomp\n", out)
	s := apptest.Start(t, "-addr", "127.0.0.1:0")
	require.Equal(t, "epoll", s.Backend)
	require.NoError(t, stream(s.Addr, 1<<20, 1000, 0))
	s.Stop()
}

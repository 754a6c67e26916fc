//go:build linux

package drivertest

import (
	"os"
	"syscall"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// testAcceptDescriptors takes the descriptors away: Accept must say so and end,
// and must get the same connection when there are some again.
func testAcceptDescriptors(h *harness) {
	ln, addr := h.listen(tcp4)
	p := h.dial(addr)
	before := h.accept(ln)
	h.until("accept", func() bool { return len(before.sockets) > 0 || before.final })
	require.Equal(h.t, driver.ErrCanceled, before.cancel().err)
	h.dial(addr)

	restore := forbidDescriptors(h)
	a := h.accept(ln)
	h.until("an end", func() bool { return a.final || len(a.sockets) > 0 })
	restore()
	require.Equal(h.t, syscall.EMFILE, a.err)
	require.Empty(h.t, a.sockets)

	a.submit()
	h.until("accept", func() bool { return len(a.sockets) > 0 || a.final })
	require.NotEmpty(h.t, a.sockets, "%v", a.err)
	h.send(before.sockets[0], data(0, 10)).wait()
	require.NoError(h.t, readStream(p, 0, 10))
}

// forbidDescriptors makes every new descriptor fail until restore is called.
func forbidDescriptors(h *harness) (restore func()) {
	var old unix.Rlimit
	require.NoError(h.t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	f, err := os.Open("/dev/null") // takes the lowest free number
	require.NoError(h.t, err)
	lowest := uint64(f.Fd())
	f.Close()
	limit := unix.Rlimit{Cur: lowest, Max: old.Max}
	require.NoError(h.t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	restored := false
	restore = func() {
		if !restored {
			restored = true
			require.NoError(h.t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
		}
	}
	h.t.Cleanup(restore)
	return restore
}

// duplicate returns another descriptor for what fd is.
func duplicate(h *harness, fd uintptr) *os.File {
	n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(h.t, err)
	return os.NewFile(uintptr(n), "copy")
}

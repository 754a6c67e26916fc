//go:build linux

package sock

import (
	"os"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// TestPipesAreLargeOrNone: who has no privileges, and many pipes already, would get
// ones of two pages.
func TestPipesAreLargeOrNone(t *testing.T) {
	soft, err := os.ReadFile("/proc/sys/fs/pipe-user-pages-soft")
	if err != nil || strings.TrimSpace(string(soft)) != "16384" {
		t.Skip("another limit than the kernel's default")
	}
	type end struct {
		sizes []int
		err   error
	}
	ends := make(chan end)
	go func() {
		goruntime.LockOSThread() // and not unlocked: the thread ends without its privileges
		var e end
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if e.err = unix.Capset(&hdr, &none[0]); e.err != nil {
			ends <- e
			return
		}
		var pipes []driver.Pipe
		for range 100 {
			var p driver.Pipe
			if p, e.err = OpenPipe(); e.err != nil {
				break
			}
			pipes = append(pipes, p)
			size, _ := unix.FcntlInt(uintptr(p.R), unix.F_GETPIPE_SZ, 0)
			e.sizes = append(e.sizes, size)
		}
		for _, p := range pipes {
			ClosePipe(p)
		}
		ends <- e
	}()
	e := <-ends
	require.ErrorIs(t, e.err, unix.ENOBUFS)
	require.LessOrEqual(t, len(e.sizes), 100)
	for i, size := range e.sizes {
		require.GreaterOrEqual(t, size, 256<<10, "pipe %d", i)
	}
}

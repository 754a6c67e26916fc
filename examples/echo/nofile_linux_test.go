package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestOutOfDescriptors: connections that can not be accepted for want of descriptors are
// accepted when there are some again.
func TestOutOfDescriptors(t *testing.T) {
	eachMode(t, func(t *testing.T, mode string) {
		s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode)
		var before unix.Rlimit
		require.NoError(t, unix.Prlimit(s.PID, unix.RLIMIT_NOFILE, nil, &before))
		few := unix.Rlimit{Cur: uint64(len(s.Open()) + 2), Max: before.Max}
		require.NoError(t, unix.Prlimit(s.PID, unix.RLIMIT_NOFILE, &few, nil))
		var conns []net.Conn
		for range 10 {
			c, err := dial(s.Addr)
			require.NoError(t, err)
			defer c.Close()
			_, err = c.Write([]byte("x"))
			require.NoError(t, err)
			conns = append(conns, c)
		}
		full := func() bool { return len(s.Open()) >= int(few.Cur) }
		require.Eventually(t, full, watchdog, time.Millisecond)
		require.NoError(t, unix.Prlimit(s.PID, unix.RLIMIT_NOFILE, &before, nil))
		for _, c := range conns {
			_, err := io.ReadFull(c, make([]byte, 1))
			require.NoError(t, err)
			require.NoError(t, c.Close())
		}
		s.Stop()
	})
}

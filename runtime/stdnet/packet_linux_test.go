//go:build linux

package stdnet_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func askTTL(t *testing.T, c interface {
	SyscallConn() (syscall.RawConn, error)
}) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTTL, 1)
	}))
	require.NoError(t, failed)
}

func rawRecv(fd uintptr, buf []byte) int {
	n, _, err := unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
	if err != nil {
		return -1
	}
	return n
}

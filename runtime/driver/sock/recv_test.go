//go:build linux

package sock

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRecv: what is there is taken, across both pieces of memory, and nothing is waited
// for, on sockets that would as well.
func TestRecv(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fds[0])
	p, q := make([]byte, 3), make([]byte, 5)
	for name, recv := range map[string]func() (int, unix.Errno){
		"one":  func() (int, unix.Errno) { return Recv(int32(fds[0]), p) },
		"both": func() (int, unix.Errno) { return RecvBoth(int32(fds[0]), p, q) },
	} {
		n, errno := recv()
		require.Equal(t, unix.EAGAIN, errno, name)
		require.Zero(t, n, name)
		_, err = unix.Write(fds[1], []byte("ab"))
		require.NoError(t, err)
		n, errno = recv()
		require.Zero(t, errno, name)
		require.Equal(t, "ab", string(p[:n]), name)
	}
	_, err = unix.Write(fds[1], []byte("0123456789"))
	require.NoError(t, err)
	n, errno := RecvBoth(int32(fds[0]), p, q)
	require.Zero(t, errno)
	require.Equal(t, 8, n)
	require.Equal(t, "01234567", string(p)+string(q))
	n, _ = Recv(int32(fds[0]), p)
	require.Equal(t, "89", string(p[:n]))

	unix.Close(fds[1])
	n, errno = RecvBoth(int32(fds[0]), p, q)
	require.Zero(t, errno)
	require.Zero(t, n, "the end")
}

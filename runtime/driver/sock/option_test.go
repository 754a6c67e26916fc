//go:build linux

package sock

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// pair returns a TCP connection: a descriptor, which blocks, and its peer.
func pair(t *testing.T) (int, *net.TCPConn) {
	t.Helper()
	ln := listen(t, "tcp", tcp("127.0.0.1:0"), nil, false)
	c, err := net.Dial("tcp", LocalAddr(ln).String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	fd, _, err := unix.Accept4(ln, unix.SOCK_CLOEXEC)
	require.NoError(t, err)
	return fd, c.(*net.TCPConn)
}

func TestSetOption(t *testing.T) {
	fd, _ := pair(t)
	defer unix.Close(fd)
	for _, tt := range []struct {
		opt         driver.Option
		value       int
		level, name int
		want        int
	}{
		{driver.NoDelay, 0, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0},
		{driver.NoDelay, 1, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{driver.KeepAlive, 1, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{driver.KeepAliveIdle, 11, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 11},
		{driver.KeepAliveInterval, 12, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 12},
		{driver.KeepAliveCount, 3, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
		{driver.ReadBuffer, 20000, unix.SOL_SOCKET, unix.SO_RCVBUF, 40000}, // the kernel doubles
		{driver.WriteBuffer, 20000, unix.SOL_SOCKET, unix.SO_SNDBUF, 40000},
	} {
		require.NoError(t, SetOption(fd, tt.opt, tt.value))
		require.Equal(t, tt.want, option(t, fd, tt.level, tt.name))
	}
	require.False(t, Lingers(fd))
	require.NoError(t, SetOption(fd, driver.Linger, 5))
	require.True(t, Lingers(fd))
	require.NoError(t, SetOption(fd, driver.Linger, -1))
	require.False(t, Lingers(fd))
	require.Equal(t, unix.EINVAL, SetOption(fd, driver.WriteBuffer+1, 1))
}

func TestOptionsOfNothing(t *testing.T) {
	require.Equal(t, unix.EBADF, SetOption(-1, driver.NoDelay, 1))
	require.Nil(t, LocalAddr(-1))
	require.Nil(t, RemoteAddr(-1))
	require.Empty(t, Network(-1))
	require.Equal(t, unix.AF_UNSPEC, Family(-1))
	require.Equal(t, unix.EBADF, SocketError(-1))
	require.False(t, Lingers(-1))
	require.False(t, IsListener(-1))
}

func TestHalfClose(t *testing.T) {
	fd, peer := pair(t)
	defer unix.Close(fd)
	require.NoError(t, CloseWrite(fd))
	_, err := peer.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	require.NoError(t, CloseRead(fd))
	n, err := unix.Read(fd, make([]byte, 1))
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestReset(t *testing.T) {
	fd, peer := pair(t)
	require.NoError(t, Reset(fd))
	require.NoError(t, unix.Close(fd))
	_, err := peer.Read(make([]byte, 1))
	require.ErrorIs(t, err, unix.ECONNRESET)
}

func TestUnsent(t *testing.T) {
	fd, peer := pair(t)
	defer unix.Close(fd)
	u, err := Unsent(fd)
	require.NoError(t, err)
	require.Zero(t, u.Bytes)
	require.NoError(t, unix.SetNonblock(fd, true))
	var wrote, n int
	for err == nil { // until neither side has room
		n, err = unix.Write(fd, make([]byte, 1<<16))
		wrote += max(n, 0)
	}
	require.Equal(t, unix.EAGAIN, err)
	u, err = Unsent(fd)
	require.NoError(t, err)
	require.Positive(t, u.Bytes)
	require.InDelta(t, wrote, int(u.Acked)+u.Bytes, 1, "the SYN may count")

	_, err = io.CopyN(io.Discard, peer, int64(wrote))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		u, err = Unsent(fd)
		return err == nil && u.Bytes == 0
	}, time.Minute, time.Millisecond)
	require.InDelta(t, wrote, int(u.Acked), 1)
}

// TestUnsentUnix: nothing is acknowledged there.
func TestUnsentUnix(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err = unix.Write(fds[0], []byte("x"))
	require.NoError(t, err)
	u, err := Unsent(fds[0])
	require.NoError(t, err)
	require.Positive(t, u.Bytes)
	require.Zero(t, u.Acked)
}

func TestErrorKinds(t *testing.T) {
	for err, want := range map[error]bool{
		unix.EMFILE: true, unix.ENFILE: true, unix.ENOBUFS: true, unix.ENOMEM: true,
		os.NewSyscallError("accept4", unix.EMFILE): true,
		unix.ECONNABORTED:                          false, io.EOF: false,
	} {
		require.Equal(t, want, Exhausted(err), err)
	}
	require.True(t, AcceptAgain(unix.ECONNABORTED))
	require.True(t, AcceptAgain(unix.EHOSTUNREACH))
	require.False(t, AcceptAgain(unix.EMFILE))
	require.False(t, AcceptAgain(unix.EAGAIN))
	require.False(t, AcceptAgain(unix.EINVAL))
}

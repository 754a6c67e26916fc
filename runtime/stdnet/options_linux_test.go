//go:build linux

package stdnet_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/stdnet"
)

// readOptions asks the system for a connection's options.
func readOptions(t *testing.T, c syscall.Conn) (values []int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for _, o := range [][2]int{
			{unix.IPPROTO_TCP, unix.TCP_NODELAY}, {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE}, {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
		} {
			v, err := unix.GetsockoptInt(int(fd), o[0], o[1])
			require.NoError(t, err)
			values = append(values, v)
		}
	}))
	return values
}

// TestMovesKeepOptions: what the program set stays set.
func TestMovesKeepOptions(t *testing.T) {
	server, client := pair(t, newRuntime(t), "tcp", stdnet.Roam)
	tcp := server.(*stdnet.TCPConn)
	require.NoError(t, tcp.SetNoDelay(false))
	require.NoError(t, tcp.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: true, Idle: 77 * time.Second, Interval: 7 * time.Second, Count: 3,
	}))
	before := readOptions(t, tcp)
	for range 10 {
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		_, err = server.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, before, readOptions(t, tcp))
	}
	require.Contains(t, before, 77)
}

// socketOption asks the system for one option.
func socketOption(t *testing.T, c net.Conn, level, option int) (value int) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		if option == unix.SO_LINGER {
			l, err := unix.GetsockoptLinger(int(fd), level, option)
			require.NoError(t, err)
			value = int(l.Onoff)<<16 | int(l.Linger)
			return
		}
		value, err = unix.GetsockoptInt(int(fd), level, option)
		require.NoError(t, err)
	}))
	return value
}

// TestOptionsAsStd: what a program sets, on a connection or for all of a listener or dialer, the system has.
func TestOptionsAsStd(t *testing.T) {
	keepAlives := []net.KeepAliveConfig{
		{}, {Enable: true}, {Enable: true, Idle: 70 * time.Second, Interval: 7 * time.Second, Count: 5},
		{Enable: true, Idle: -1, Interval: -1, Count: -1}, {Enable: true, Idle: 1500 * time.Millisecond},
	}
	sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
		for _, period := range []time.Duration{-1, 0, 50 * time.Second} {
			for _, config := range keepAlives {
				ln, err := n.listen(net.ListenConfig{KeepAlive: period, KeepAliveConfig: config}, "tcp", "127.0.0.1:0")
				require.NoError(t, err)
				d := &net.Dialer{KeepAlive: period, KeepAliveConfig: config}
				server, client := exchange(t, n, ln, d, "tcp", ln.Addr().String())
				note("begins with", readOptions(t, server.(syscall.Conn)), readOptions(t, client.(syscall.Conn)))
				require.NoError(t, server.Close())
				require.NoError(t, client.Close())
				require.NoError(t, ln.Close())
			}
		}
		ln, err := n.listen(net.ListenConfig{}, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		_, c := exchange(t, n, ln, &net.Dialer{}, "tcp", ln.Addr().String())
		tcp := c.(interface {
			SetLinger(sec int) error
			SetReadBuffer(bytes int) error
			SetWriteBuffer(bytes int) error
			SetNoDelay(on bool) error
			SetKeepAlive(on bool) error
			SetKeepAlivePeriod(d time.Duration) error
			SetKeepAliveConfig(config net.KeepAliveConfig) error
		})
		for _, config := range keepAlives {
			note("keep-alive", tcp.SetKeepAliveConfig(config), readOptions(t, c.(syscall.Conn)))
		}
		for _, on := range []bool{false, true} {
			note("on", tcp.SetKeepAlive(on), tcp.SetNoDelay(on), readOptions(t, c.(syscall.Conn)))
		}
		for _, d := range []time.Duration{time.Second, 1001 * time.Millisecond, 100 * time.Second} {
			note("period", tcp.SetKeepAlivePeriod(d), readOptions(t, c.(syscall.Conn)))
		}
		for _, sec := range []int{5, 0, 1, -1} {
			note("linger", tcp.SetLinger(sec), socketOption(t, c, unix.SOL_SOCKET, unix.SO_LINGER))
		}
		for _, size := range []int{4 << 10, 64 << 10, 150 << 10} {
			note("read buffer", tcp.SetReadBuffer(size), socketOption(t, c, unix.SOL_SOCKET, unix.SO_RCVBUF))
			note("write buffer", tcp.SetWriteBuffer(size), socketOption(t, c, unix.SOL_SOCKET, unix.SO_SNDBUF))
		}
	})
}

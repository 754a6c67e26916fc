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

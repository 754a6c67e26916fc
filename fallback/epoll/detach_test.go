//go:build linux

package epoll

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// again moves a socket out of the engine and back in.
func (l *loop) again(s driver.Socket) driver.Socket {
	l.t.Helper()
	d, err := l.Detach(s)
	require.NoError(l.t, err)
	s, err = l.Attach(d)
	require.NoError(l.t, err)
	return s
}

// TestDetachShown: that others may hold the descriptor is known after a move, too. When
// it is closed here, what comes for the others wakes nobody.
func TestDetachShown(t *testing.T) {
	l := open(t, nil)
	s, peer := l.pair("unix")
	held := -1
	require.NoError(t, l.Control(s, func(fd uintptr) {
		var err error
		held, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		require.NoError(t, err)
	}))
	defer unix.Close(held)
	s = l.again(l.again(s))
	require.NoError(t, l.end(l.start(driver.Close, s, nil)).Err)
	_, err := peer.Write([]byte("for others"))
	require.NoError(t, err)
	n, err := got(epollWaitNow(l.epfd, l.events))
	require.NoError(t, err)
	require.Zero(t, n)
}

// TestDetachReadClosed: CloseRead holds after a move.
func TestDetachReadClosed(t *testing.T) {
	l := open(t, nil)
	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer peer.Close()
	s := l.end(l.start(driver.Connect, driver.NoSocket, func(c *call) { c.ext.Remote = peer.LocalAddr() })).Socket
	require.NoError(t, l.CloseRead(s))
	r := l.start(driver.RecvFrom, l.again(s), nil)
	require.Equal(t, io.EOF, l.end(r).Err)
}

//go:build linux

package uring

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// unread fills a socket whose peer does not read, so that a close(2) that lingers waits.
func unread(t *testing.T, s driver.Socket, peer net.Conn) {
	t.Helper()
	require.NoError(t, peer.(*net.TCPConn).SetReadBuffer(4<<10)) // and it is not to grow
	piece := make([]byte, 1<<20)
	for {
		_, err := unix.Write(int(s), piece)
		if err == unix.EAGAIN {
			return
		}
		require.NoError(t, err)
	}
}

// TestLingeringCloseKeepsItsNumber: while a worker closes, nothing else gets the number
// that the owner still knows.
func TestLingeringCloseKeepsItsNumber(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		s, peer := r.connected()
		unread(t, s, peer)
		require.NoError(t, r.SetOption(s, driver.Linger, int(patience/time.Second)))
		number := fmt.Sprintf("/proc/self/fd/%d", s)
		before, err := os.Readlink(number)
		require.NoError(t, err)
		done := r.submit(driver.Close, s, nil)
		r.turn()
		if done.ended {
			continue // the kernel may end the worker's wait at once
		}
		// What is seen from here on the engine has not been told.
		require.Eventually(t, func() bool {
			now, _ := os.Readlink(number) // there may be none
			return now != before
		}, patience, time.Millisecond)
		ln, _ := r.listen()
		require.NotEqual(t, s, ln)
		require.NoError(t, peer.Close()) // with bytes unread: a reset
		r.until(func() bool { return done.ended })
		require.Nil(t, r.find(s))
		require.NotNil(t, r.LocalAddr(ln))
		require.EqualValues(t, 1, r.stats.SocketsOpen)
		return
	}
	t.Fatal("no close took its time")
}

// TestLingeringCloseWithoutDescriptors: there is none for the worker. The loop does not
// wait for the peer all the same.
func TestLingeringCloseWithoutDescriptors(t *testing.T) {
	r := newRig(t, nil)
	s, peer := r.connected()
	unread(t, s, peer)
	require.NoError(t, r.SetOption(s, driver.Linger, int(patience/time.Second)))
	same, err := unix.FcntlInt(uintptr(s), unix.F_DUPFD_CLOEXEC, 0) // to ask the socket afterwards
	require.NoError(t, err)
	defer unix.Close(same)
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	none := unix.Rlimit{Cur: 0, Max: before.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	done := r.submit(driver.Close, s, nil)
	r.until(func() bool { return done.ended })
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, done.err)
	linger, err := unix.GetsockoptLinger(same, unix.SOL_SOCKET, unix.SO_LINGER)
	require.NoError(t, err)
	require.Zero(t, linger.Onoff)
	require.NoError(t, peer.SetReadDeadline(time.Now().Add(patience)))
	n, err := peer.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, 1, n, "what was sent is there")
}

// TestConnectThatLingers: whoever makes a connection may have it linger from the start.
func TestConnectThatLingers(t *testing.T) {
	r := newRig(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dial := r.submit(driver.Connect, driver.NoSocket, func(op *driver.Op) {
		op.Ext = &driver.Ext{Remote: l.Addr(), Control: func(fd uintptr) error {
			linger := unix.Linger{Onoff: 1, Linger: int32(patience / time.Second)}
			return unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &linger)
		}}
	})
	r.until(func() bool { return dial.ended })
	require.NoError(t, dial.err)
	s := dial.got[0].Socket
	require.True(t, r.socks[s].lingers)
	peer, err := l.Accept()
	require.NoError(t, err)
	unread(t, s, peer)
	done := r.submit(driver.Close, s, nil)
	other, fd := r.pair()
	recv := r.submit(driver.Recv, other, nil)
	_, err = unix.Write(fd, []byte("x"))
	require.NoError(t, err)
	r.until(func() bool { return len(recv.data) == 1 })
	require.NoError(t, peer.Close()) // with bytes unread: a reset
	r.until(func() bool { return done.ended })
}

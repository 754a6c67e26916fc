//go:build linux

package uring

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// holders are two engines that accept on one listening socket, as two processes do.
type holders struct {
	a, b    *rig
	onA     driver.Socket
	onB     driver.Socket
	accepts [2]*record
}

// closeAndDial closes the one that the kernel is going to tell of a connection, which then comes, and returns
// how many were accepted.
func (h *holders) closeAndDial(t *testing.T) (accepted int) {
	t.Helper()
	addr := h.a.LocalAddr(h.onA).String()
	h.accepts[0] = h.a.submit(driver.Accept, h.onA, nil)
	h.a.turn() // the first in line: the kernel tells this one
	h.accepts[1] = h.b.submit(driver.Accept, h.onB, nil)
	h.b.turn()
	done := h.a.submit(driver.Close, h.onA, nil)
	peer, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	h.a.until(func() bool { return done.ended && h.accepts[0].ended })
	count := func() (n int) {
		for _, accept := range h.accepts {
			for _, got := range accept.got {
				if got.Err == nil && got.Socket != driver.NoSocket {
					n++
				}
			}
		}
		return n
	}
	for end := time.Now().Add(patience); count() == 0 && time.Now().Before(end); {
		_, err := h.b.Poll(10 * time.Millisecond)
		require.NoError(t, err)
	}
	return count()
}

// TestSharedListenerCloses: a connection that the kernel told one holder of is not lost
// when that one closes, however it came to the socket.
func TestSharedListenerCloses(t *testing.T) {
	t.Run("attached", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		f, err := l.(*net.TCPListener).File()
		require.NoError(t, err)
		h := &holders{a: newRig(t, nil), b: newRig(t, nil)}
		h.onA, err = h.a.Attach(l)
		require.NoError(t, err)
		h.onB, err = h.b.Attach(f)
		require.NoError(t, err)
		require.Equal(t, 1, h.closeAndDial(t))
	})
	t.Run("shown to Control", func(t *testing.T) {
		h := &holders{a: newRig(t, nil), b: newRig(t, nil)}
		cfg := &driver.ListenConfig{Control: func(fd uintptr) error {
			dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
			h.onB = h.b.adopt(dup)
			return err
		}}
		var err error
		h.onA, err = h.a.Listen("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, cfg)
		require.NoError(t, err)
		require.Equal(t, 1, h.closeAndDial(t))
	})
}

// TestLastAcceptInTheBacklog: the queue is full when the listener looks once more.
func TestLastAcceptInTheBacklog(t *testing.T) {
	r := newRig(t, nil)
	ln, addr := r.listen()
	require.NoError(t, r.Control(ln, func(uintptr) {}))
	accept := r.submit(driver.Accept, ln, nil)
	r.turn()
	s, _ := r.pair()
	done := r.submit(driver.Close, ln, nil)
	peer, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer peer.Close()
	var parked *record // in the backlog, ahead of the last accept
	empty := r.submit(driver.RecvInto, s, func(op *driver.Op) { op.Buf = []byte{} })
	empty.on = func(*driver.Result) { parked = r.parked(s) }
	r.until(func() bool { return done.ended && accept.ended && parked.ended })
	parked.op.Chain.Release()
	require.Len(t, accept.got, 2, "the connection and the end")
	require.NoError(t, accept.got[0].Err)
}

// TestAttachedListenerStaysNonBlocking: another process may wait for it in accept(2).
func TestAttachedListenerStaysNonBlocking(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	defer f.Close()
	r := newRig(t, nil)
	s, err := r.Attach(l)
	require.NoError(t, err)
	raw, err := f.SyscallConn() // f.Fd would make it block
	require.NoError(t, err)
	var mode int
	require.NoError(t, raw.Control(func(fd uintptr) { mode, err = unix.FcntlInt(fd, unix.F_GETFL, 0) }))
	require.NoError(t, err)
	require.NotZero(t, mode&unix.O_NONBLOCK)
	accept := r.submit(driver.Accept, s, nil)
	for n := range 3 { // whatever the kernel answers where there is nobody
		r.turn()
		peer, err := net.Dial("tcp", r.LocalAddr(s).String())
		require.NoError(t, err)
		defer peer.Close()
		r.until(func() bool { return len(accept.got) == n+1 })
		require.NoError(t, accept.got[n].Err)
	}
}

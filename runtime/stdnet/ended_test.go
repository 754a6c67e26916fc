package stdnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

// fill writes until nothing more is taken at once.
func fill(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	for {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
	}
	require.NoError(t, c.SetWriteDeadline(time.Time{}))
}

// returns waits for f, which must not hang.
func returns(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(watchdog):
		t.Fatal("it hangs")
	}
}

// TestFailedWriteIsNoEnd: a Read after a Write that failed on a loop does not take what
// is lost for the end of the stream.
func TestFailedWriteIsNoEnd(t *testing.T) {
	server, client := pair(t, newRuntime(t), "tcp", stdnet.Loop)
	const size = 1 << 20 // more than a loop takes unread
	require.NoError(t, server.(*stdnet.TCPConn).SetReadBuffer(2*size))
	require.NoError(t, client.SetWriteDeadline(time.Now().Add(watchdog)))
	_, err := client.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.Eventually(t, func() bool {
		_, err := server.Write([]byte("x"))
		return err != nil
	}, watchdog, time.Millisecond)
	n, err := io.Copy(io.Discard, struct{ io.Reader }{server})
	require.True(t, n == size || err != nil, "%d of %d bytes and no error", n, size)
}

// TestRawReadOfAnEnd: SyscallConn's Read, by which pools of connections ask whether one
// is alive, returns when it is not.
func TestRawReadOfAnEnd(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		rt := newRuntime(t)
		server, client := pair(t, rt, network, mode)
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		_, err = server.Read(make([]byte, 10))
		require.NoError(t, err)
		if tcp, ok := client.(*stdnet.TCPConn); ok {
			require.NoError(t, tcp.SetLinger(0))
		}
		require.NoError(t, client.Close())
		raw, err := server.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		returns(t, func() { _ = raw.Read(func(uintptr) bool { return true }) }) // with or without an error
		require.NoError(t, rt.Close())
		returns(t, func() { _ = raw.Read(func(uintptr) bool { return true }) })
	})
}

// TestRawReadTakesNoLonger: it waits for what is queued until the deadline.
func TestRawReadTakesNoLonger(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		rt := newRuntime(t)
		server, client := pair(t, rt, network, mode)
		fill(t, server)
		require.NoError(t, server.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		raw, err := server.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		returns(t, func() { err = raw.Read(func(uintptr) bool { return false }) })
		if rt.Backend() != runtime.Portable || !errors.Is(err, errors.ErrUnsupported) {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
		require.NoError(t, server.SetReadDeadline(time.Time{}))
		_, err = client.Write([]byte("x"))
		require.NoError(t, err)
		returns(t, func() { _, err = server.Read(make([]byte, 1)) })
		require.NoError(t, err)
	})
}

// TestCloseWriteEndsWrites: the one that waits, too.
func TestCloseWriteEndsWrites(t *testing.T) {
	for _, mode := range modes {
		server, _ := pair(t, newRuntime(t), "tcp", mode)
		fill(t, server)
		wrote := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = server.Write(make([]byte, 1<<20))
			}
			wrote <- err
		}()
		time.Sleep(5 * time.Millisecond) // it waits by then, mostly
		require.NoError(t, server.(*stdnet.TCPConn).CloseWrite())
		returns(t, func() { require.ErrorIs(t, <-wrote, syscall.EPIPE, mode) })
	}
}

// TestKeepAlivePeriods takes what package net takes.
func TestKeepAlivePeriods(t *testing.T) {
	for _, mode := range modes {
		server, _ := pair(t, newRuntime(t), "tcp", mode)
		for _, d := range []time.Duration{0, -1, -time.Second, time.Second} {
			require.NoError(t, server.(*stdnet.TCPConn).SetKeepAlivePeriod(d), "%v, %v", mode, d)
		}
	}
}

// TestWriteToNobody: an unconnected socket's Write says so wherever the socket is.
func TestWriteToNobody(t *testing.T) {
	for _, mode := range modes {
		lc := stdnet.ListenConfig{Runtime: newRuntime(t), Mode: mode}
		c, err := lc.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = c.(net.Conn).Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EDESTADDRREQ, mode)
		require.NoError(t, c.Close())
	}
}

// TestNoRuntime: what is missing is said, and no socket opened.
func TestNoRuntime(t *testing.T) {
	_, err := stdnet.Listen(t.Context(), nil, "tcp", "127.0.0.1:0")
	require.ErrorContains(t, err, "no Runtime")
	_, err = stdnet.ListenPacket(t.Context(), nil, "udp", "127.0.0.1:0")
	require.ErrorContains(t, err, "no Runtime")
	_, err = (&stdnet.Dialer{}).Dial("tcp", "127.0.0.1:1")
	require.ErrorContains(t, err, "no Runtime")
	_, err = (&stdnet.ListenConfig{}).FileListener(nil)
	require.ErrorContains(t, err, "no Runtime")
}

//go:build linux

package uring

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// TestLostReset has the kernel look at data and a reset in one go, on sockets that
// are new and on ones that were in use.
func TestLostReset(t *testing.T) {
	r := newRig(t, nil)
	r.recvPrio = ring.RecvSendPollFirst
	ln, addr := r.listen()
	var conns []driver.Socket
	accept := r.submit(driver.Accept, ln, nil)
	accept.on = func(res *driver.Result) {
		if res.Err == nil {
			conns = append(conns, res.Socket)
		}
	}
	for i, before := range []string{"", "before"} {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		r.until(func() bool { return len(conns) > i })
		if before != "" {
			write(t, c, before)
		}
		write(t, c, "data")
		reset(t, c)
		recv := r.submit(driver.Recv, conns[i], nil)
		r.until(func() bool { return recv.ended })
		require.ErrorIs(t, recv.err, syscall.ECONNRESET)
		require.Equal(t, before+"data", string(recv.data))
		r.close(conns[i])
	}
	require.Zero(t, r.stats.Canceled, "the engine's own cancel is not the owner's")
	r.close(ln)
}

func write(t *testing.T, w io.Writer, s string) {
	t.Helper()
	_, err := io.WriteString(w, s)
	require.NoError(t, err)
}

func reset(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
}

// TestWatchEnds: an engine with quiet connections looks at them once, and sleeps.
func TestWatchEnds(t *testing.T) {
	r := newRig(t, nil)
	ln, addr := r.listen()
	var conn driver.Socket
	accept := r.submit(driver.Accept, ln, nil)
	accept.on = func(res *driver.Result) { conn = res.Socket }
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	r.until(func() bool { return conn != 0 })
	recv := r.submit(driver.Recv, conn, nil)
	r.turn()
	write(t, c, "data")
	r.until(func() bool { return len(recv.data) != 0 })
	require.True(t, r.watcher.unsure)
	r.until(func() bool { return !r.watcher.unsure })
	require.False(t, recv.ended)
	write(t, c, " and more")
	r.until(func() bool { return len(recv.data) == len("data and more") })
	require.True(t, r.watcher.unsure)
	r.Cancel(&recv.op)
	r.until(func() bool { return recv.ended })
	require.True(t, errors.Is(recv.err, driver.ErrCanceled))
	r.close(conn)
	r.close(ln)
}

// TestEndOnUnixSockets: without multishot receives there, and with them where the
// kernel is safe, an end comes after its data however they arrive.
func TestEndOnUnixSockets(t *testing.T) {
	for _, disable := range [][]string{nil, {"recv_multishot_unix"}} {
		r := newRig(t, func(c *rigConfig) { c.Disable = disable })
		r.recvPrio = ring.RecvSendPollFirst
		s, peer := r.pair()
		_, err := syscall.Write(peer, []byte("data"))
		require.NoError(t, err)
		require.NoError(t, syscall.Shutdown(peer, syscall.SHUT_WR))
		recv := r.submit(driver.Recv, s, nil)
		r.until(func() bool { return recv.ended })
		require.Equal(t, io.EOF, recv.err)
		require.Equal(t, "data", string(recv.data))
		r.close(s)
	}
}

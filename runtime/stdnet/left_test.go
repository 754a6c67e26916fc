package stdnet

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// cooled returns a connection in the netpoller to which "hello" came along from a loop,
// and its peer.
func cooled(t *testing.T, mode Mode) (*runtime.Runtime, *conn, *net.TCPConn) {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	lc := ListenConfig{Runtime: rt, Mode: mode}
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	peer, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	accepted, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { accepted.Close() })
	c := &accepted.(*TCPConn).conn
	c.moves = &moves{local: c.std.LocalAddr(), remote: c.std.RemoteAddr(), left: []byte("hello")}
	return rt, c, peer.(*net.TCPConn)
}

// TestLeftComesFirst: a deadline that has just passed is news to the netpoller, which
// would read what comes behind what came along.
func TestLeftComesFirst(t *testing.T) {
	_, c, peer := cooled(t, Poller)
	_, err := peer.Write(bytes.Repeat([]byte("w"), 100_000))
	require.NoError(t, err)
	for range 2000 {
		c.moves.left = []byte("hello")
		at := time.Now().Add(20 * time.Microsecond)
		require.NoError(t, c.SetReadDeadline(at))
		for time.Now().Before(at) {
		}
		var p [1]byte
		if n, err := c.Read(p[:]); n > 0 {
			require.Equal(t, "h", string(p[:]))
		} else {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
	}
}

func TestLeftIsNotReadTooLate(t *testing.T) {
	reads := map[string]func(c *conn) (int64, error){
		"Read": func(c *conn) (int64, error) {
			n, err := c.Read(make([]byte, 10))
			return int64(n), err
		},
		"WriteTo": func(c *conn) (int64, error) { return c.WriteTo(io.Discard) },
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			_, c, _ := cooled(t, Poller)
			require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
			n, err := read(c)
			require.Zero(t, n)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, c.SetReadDeadline(time.Time{}))
			require.True(t, c.hasLeft())
			require.NoError(t, c.Close())
			n, err = read(c)
			require.Zero(t, n)
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}

// TestLeftOutlivesAFailedMove: a move that fails is no move.
func TestLeftOutlivesAFailedMove(t *testing.T) {
	rt, c, peer := cooled(t, roam)
	require.NoError(t, rt.Close())
	_, err := peer.Write([]byte(" world"))
	require.NoError(t, err)
	require.NoError(t, peer.CloseWrite())
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "hello world", string(all))
}

package runtime_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// tcpPair returns both ends of a connection of package net.
func tcpPair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	far = dial(t, ln.Addr())
	near, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { near.Close() })
	return near, far
}

// adopt gives a socket to a loop.
func adopt(t *testing.T, l *runtime.Loop, socket driver.Detached, h runtime.Handler) {
	t.Helper()
	var err error
	require.NoError(t, l.Call(func() {
		err = l.Adopt(socket, func(*runtime.Conn) runtime.Handler { return h })
	}))
	require.NoError(t, err)
}

func TestAdopt(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	_, err := far.Write([]byte("before"))
	require.NoError(t, err)
	adopt(t, rt.Loops()[1], near, echo{})
	_, err = far.Write([]byte(" and after"))
	require.NoError(t, err)
	require.NoError(t, far.(*net.TCPConn).CloseWrite())
	all, err := io.ReadAll(far)
	require.NoError(t, err)
	require.Equal(t, "before and after", string(all))
	_, err = near.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed, "the runtime owns the socket")
}

func TestAdoptOfWhatIsNoSocket(t *testing.T) {
	rt := newRuntime(t, nil)
	l := rt.Loops()[0]
	var err error
	require.NoError(t, l.Call(func() { err = l.Adopt(strings.NewReader(""), nil) }))
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestAdoptWhileClosing(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	near, far := tcpPair(t)
	ended := make(chan error, 1)
	l := rt.Loops()[0]
	require.NoError(t, l.Post(func() {
		h := &funcs{closed: func(_ *runtime.Conn, err error) { ended <- err }}
		if err := l.Adopt(near, func(*runtime.Conn) runtime.Handler { return h }); err != nil {
			ended <- err
		}
	}))
	require.NoError(t, rt.Close())
	require.ErrorIs(t, receive(t, ended), net.ErrClosed)
	near.Close() // if it stayed ours
	_, err = far.Read(make([]byte, 1))
	require.Error(t, err)
}

// TestDetach moves a connection from loop to loop between messages.
func TestDetach(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	conns := make(chan *runtime.Conn, 1)
	h := &funcs{
		open:   func(c *runtime.Conn) { conns <- c },
		data:   func(c *runtime.Conn, in *buffers.Chain) { _ = c.Send(in.TakeAll()) },
		closed: func(*runtime.Conn, error) { close(conns) },
	}
	loops := rt.Loops()
	adopt(t, loops[0], near, h)
	type detached struct {
		socket driver.Detached
		err    error
	}
	for i := range 20 {
		c := receive(t, conns)
		require.NoError(t, pingPongOn(far, "message", 3))
		done := make(chan detached, 1)
		require.NoError(t, c.Loop().Post(func() {
			_, _ = c.WriteString("bye ")
			c.Detach(func(s driver.Detached, unread buffers.Chain, err error) {
				unread.Release()
				done <- detached{s, err}
			})
		}))
		d := receive(t, done)
		require.NoError(t, d.err)
		adopt(t, loops[(i+1)%2], d.socket, h)
		bye := make([]byte, len("bye "))
		_, err := io.ReadFull(far, bye)
		require.NoError(t, err)
		require.Equal(t, "bye ", string(bye))
	}
	receive(t, conns)
	require.NoError(t, far.Close())
	_, open := <-conns
	require.False(t, open, "Closed was not called for the one that stayed")
}

func TestResumeTakesDetachBack(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	conns := make(chan *runtime.Conn, 1)
	h := &funcs{
		open: func(c *runtime.Conn) { conns <- c },
		data: func(c *runtime.Conn, in *buffers.Chain) { _ = c.Send(in.TakeAll()) },
	}
	adopt(t, rt.Loops()[0], near, h)
	c := receive(t, conns)
	failed := make(chan error, 1)
	require.NoError(t, c.Loop().Post(func() {
		// So much that the peer's reading decides when it is sent.
		_ = c.Send(filled(32 << 20))
		c.Detach(func(_ driver.Detached, _ buffers.Chain, err error) { failed <- err })
		c.Resume()
	}))
	require.Error(t, receive(t, failed))
	_, err := io.CopyN(io.Discard, far, 32<<20)
	require.NoError(t, err)
	require.NoError(t, pingPongOn(far, "goes on", 3))
}

func filled(n int) buffers.Chain {
	var chain buffers.Chain
	chain.Append(buffers.Wrap(make([]byte, n), nil))
	return chain
}

// TestSendFailsAfterData: what the peer sent before it refused ours is delivered.
func TestSendFailsAfterData(t *testing.T) {
	rt := newRuntime(t, nil)
	got := make(chan string, 1)
	var all []byte
	addr, ended := serveFuncs(t, rt, funcs{
		data: func(c *runtime.Conn, in *buffers.Chain) {
			all = append(all, in.Bytes()...)
			in.Release()
			_, _ = c.Write(make([]byte, 1<<20))
		},
		eof:    func(*runtime.Conn) {},
		closed: func(*runtime.Conn, error) { got <- string(all) },
	})
	c := dial(t, addr).(*net.TCPConn)
	_, err := c.Write([]byte("last words"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1<<10))
	require.NoError(t, err)
	require.NoError(t, c.Close()) // with much unread: a reset
	require.Equal(t, "last words", receive(t, got))
	require.Error(t, receive(t, ended))
}

func TestConnCloseRead(t *testing.T) {
	rt := newRuntime(t, nil)
	eof := make(chan struct{})
	addr, _ := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) { _ = c.CloseRead() },
		eof: func(c *runtime.Conn) {
			close(eof)
			_, _ = c.WriteString("still")
			c.Close()
		},
	})
	c := dial(t, addr)
	receive(t, eof)
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "still", string(all))
}

func TestLocal(t *testing.T) {
	rt := newRuntime(t, nil)
	type key struct{}
	made := 0
	create := func() any { made++; return made }
	require.Equal(t, 1, rt.Local(key{}, create))
	require.Equal(t, 1, rt.Local(key{}, create))
}

// TestDetachAfterCloseWrite: the FIN that was asked for is sent before.
func TestDetachAfterCloseWrite(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	conns := make(chan *runtime.Conn, 1)
	adopt(t, rt.Loops()[0], near, &funcs{open: func(c *runtime.Conn) { conns <- c }})
	c := receive(t, conns)
	sockets := make(chan driver.Detached, 1)
	require.NoError(t, c.Loop().Post(func() {
		_, _ = c.WriteString("bye")
		_ = c.CloseWrite()
		c.Detach(func(s driver.Detached, _ buffers.Chain, _ error) { sockets <- s })
	}))
	s := receive(t, sockets)
	require.NotNil(t, s)
	all, err := io.ReadAll(far)
	require.NoError(t, err)
	require.Equal(t, "bye", string(all))
	require.NoError(t, s.(io.Closer).Close())
	require.NoError(t, c.Loop().Call(c.Resume), "which does nothing any more")
	require.Zero(t, rt.Stats().Total().Panics)
}

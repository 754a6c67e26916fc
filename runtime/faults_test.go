package runtime_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// under returns a configuration with one kind of fault all the time.
func under(t *testing.T, k faults.Kind) *runtime.Config {
	cfg := faults.Config{Seed: 1, Fail: func(err error) { t.Error(err) }}
	cfg.Percent[k] = 100
	return &runtime.Config{Loops: 1, WrapEngine: cfg.WrapEngine}
}

// TestRecvFullAfterTheEnd: no callback is left out, however late.
func TestRecvFullAfterTheEnd(t *testing.T) {
	rt := newRuntime(t, nil)
	got := make(chan error, 1)
	addr, ended := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) { c.Abort(io.ErrNoProgress) },
		closed: func(c *runtime.Conn, _ error) {
			c.RecvFull(make([]byte, 10), func(_ int, err error) { got <- err })
		},
	})
	if c, err := net.Dial("tcp", addr.String()); err == nil { // else it was reset already
		defer c.Close()
	}
	require.ErrorIs(t, receive(t, got), io.ErrNoProgress)
	require.ErrorIs(t, receive(t, ended), io.ErrNoProgress)
}

// TestCloseWriteTwice: what has come is not lost because there is nothing to end.
func TestCloseWriteTwice(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	require.NoError(t, near.(*net.TCPConn).CloseWrite())
	_, err := far.Write([]byte("all"))
	require.NoError(t, err)
	require.NoError(t, far.Close())
	got, ended := make(chan string, 1), make(chan error, 1)
	adopt(t, rt.Loops()[0], near, &funcs{
		open: func(c *runtime.Conn) {
			c.Pause()
			_ = c.CloseWrite()
			c.Loop().AfterFunc(0, c.Resume)
		},
		eof: func(c *runtime.Conn) {
			got <- string(c.Unread().Bytes())
			c.Close()
		},
		closed: func(_ *runtime.Conn, err error) { ended <- err },
	})
	require.NoError(t, receive(t, ended))
	require.Equal(t, "all", receive(t, got))
}

// TestDetachLeavesNoChunk: the room for a file that could not be read at once goes
// back too. A leak fails the runtime's Close.
func TestDetachLeavesNoChunk(t *testing.T) {
	rt := newRuntime(t, under(t, faults.ShortRecv)) // ReadNow reads nothing
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, make([]byte, 100), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	near, far := tcpPair(t)
	done := make(chan error, 1)
	adopt(t, rt.Loops()[0], near, &funcs{open: func(c *runtime.Conn) {
		if err := c.SendFile(f, 0, 100, nil); err != nil {
			done <- err
			return
		}
		c.Detach(func(socket driver.Detached, unread buffers.Chain, err error) {
			unread.Release()
			if err == nil {
				err = socket.(io.Closer).Close()
			}
			done <- err
		})
	}})
	require.NoError(t, receive(t, done))
	all, err := io.ReadAll(far)
	require.NoError(t, err)
	require.Len(t, all, 100)
}

// TestRecvFullOfAConnectionThatIsReset: a reset after a part is no orderly end.
func TestRecvFullOfAConnectionThatIsReset(t *testing.T) {
	rt := newRuntime(t, nil)
	near, far := tcpPair(t)
	got := make(chan error, 1)
	adopt(t, rt.Loops()[0], near, &funcs{open: func(c *runtime.Conn) {
		c.RecvFull(make([]byte, 1<<20), func(_ int, err error) { got <- err })
	}})
	for range 20 {
		_, err := far.Write(make([]byte, 10_000))
		require.NoError(t, err)
	}
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	require.NoError(t, far.Close())
	require.ErrorIs(t, receive(t, got), syscall.ECONNRESET)
}

// noSend is an engine whose sends fail.
type noSend struct {
	driver.Engine
	into *driver.Op // the last RecvInto
}

func (e *noSend) Submit(op *driver.Op) {
	switch op.Code {
	case driver.Send:
		op.Socket = driver.NoSocket
	case driver.RecvInto:
		e.into = op
	}
	e.Engine.Submit(op)
}

// TestRecvFullWhenSendingFails: memory that is being received into is not given back
// before the engine has let go of it.
func TestRecvFullWhenSendingFails(t *testing.T) {
	e := &noSend{}
	rt := newRuntime(t, &runtime.Config{Loops: 1, WrapEngine: func(open driver.Open) driver.Open {
		return func(cfg *driver.Config) (_ driver.Engine, err error) {
			e.Engine, err = open(cfg)
			return e, err
		}
	}})
	got, held := make(chan error, 2), make(chan bool, 2)
	addr, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		c.Pause() // so that it is RecvFull that receives
		c.Loop().AfterFunc(0, func() {
			c.Resume()
			c.RecvFull(make([]byte, 1<<20), func(_ int, err error) {
				held <- e.into.InFlight()
				got <- err
			})
			var fail func()
			fail = func() {
				if e.into == nil {
					c.Loop().AfterFunc(time.Millisecond, fail)
					return
				}
				_, _ = c.WriteString("x")
			}
			fail()
		})
	}})
	dial(t, addr)
	require.ErrorIs(t, receive(t, got), net.ErrClosed)
	require.ErrorIs(t, receive(t, ended), net.ErrClosed)
	require.Empty(t, got)
	require.False(t, receive(t, held), "the engine still has the memory")
}

// TestMemoryOfAZeroCopySend: what the kernel has taken and not yet let go of is
// not given to the next who asks for memory.
func TestMemoryOfAZeroCopySend(t *testing.T) {
	cfg := under(t, faults.LateRelease)
	cfg.WipeBuffers = true
	rt := newRuntime(t, cfg)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	for range 20 {
		c := dial(t, addr)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
		go func() {
			_, _ = c.Write(sent)
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
	}
}

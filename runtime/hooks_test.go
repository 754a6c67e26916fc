package runtime_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// TestHooksOfConnections: one Opened and one Closed for each, also when the handler
// is refused or panics.
func TestHooksOfConnections(t *testing.T) {
	var opened, closed, panics atomic.Int64
	ended := make(chan error, 3)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		Opened: func(c *runtime.Conn) {
			opened.Add(1)
			require.NotNil(t, c.RemoteAddr())
		},
		Closed: func(_ *runtime.Conn, err error) {
			closed.Add(1)
			ended <- err
		},
		Panicked: func(loop int, value any, stack []byte) {
			panics.Add(1)
			require.Zero(t, loop)
			require.Equal(t, "on purpose", value)
			require.Contains(t, string(stack), "TestHooksOfConnections")
		},
	}})
	n := 0
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		if n++; n == 1 {
			return nil
		}
		return &funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
			if in.Release(); n == 2 {
				panic("on purpose")
			}
			c.Close()
		}}
	})
	for _, want := range []error{nil, runtime.ErrPanic, nil} {
		c := dial(t, addr)
		_, _ = c.Write([]byte("x"))
		require.ErrorIs(t, receive(t, ended), want)
		require.NoError(t, c.Close())
	}
	require.EqualValues(t, 3, opened.Load())
	require.EqualValues(t, 3, closed.Load())
	require.EqualValues(t, 1, panics.Load())
}

// TestHooksThatPanic end their connection and nothing else.
func TestHooksThatPanic(t *testing.T) {
	ended := make(chan error, 2)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		Opened:   func(*runtime.Conn) { panic("on purpose") },
		Closed:   func(_ *runtime.Conn, err error) { ended <- err; panic("on purpose") },
		Panicked: func(int, any, []byte) { panic("on purpose") },
	}})
	addr := listen(t, rt, "tcp", acceptEcho)
	for range 2 {
		if c, err := net.Dial("tcp", addr.String()); err == nil { // the reset may come first
			defer c.Close()
		}
		require.ErrorIs(t, receive(t, ended), runtime.ErrPanic)
	}
}

func TestHookOfStalls(t *testing.T) {
	told, ended := make(chan string, 1), make(chan time.Duration, 1)
	rt := newRuntime(t, &runtime.Config{Loops: 1, StallThreshold: 10 * time.Millisecond, Hooks: runtime.Hooks{
		StallEnded: func(loop int, held time.Duration) {
			select {
			case ended <- held:
			default:
			}
			panic("on purpose") // and contained
		},
		Stalled: func(loop int, held time.Duration, stack string) {
			if loop == 0 && held >= 10*time.Millisecond {
				select {
				case told <- stack:
				default:
				}
			}
		},
	}})
	free := make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	defer release()
	require.NoError(t, rt.Loops()[0].Post(func() { holdTheLoop(free) }))
	require.Contains(t, receive(t, told), "holdTheLoop")
	require.Empty(t, ended, "it still holds")
	release()
	require.GreaterOrEqual(t, receive(t, ended), 10*time.Millisecond)
}

//go:noinline
func holdTheLoop(free chan struct{}) { <-free }

// TestHookOfDetached: a connection that leaves its loop has been closed as far as the
// hooks go, without an error.
func TestHookOfDetached(t *testing.T) {
	opened, closed := make(chan *runtime.Conn, 1), make(chan *runtime.Conn, 1)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		Opened: func(c *runtime.Conn) { opened <- c },
		Closed: func(c *runtime.Conn, err error) {
			if err == nil {
				closed <- c
			}
		},
	}})
	addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		c.Detach(func(s driver.Detached, unread buffers.Chain, err error) {
			unread.Release()
			if s, ok := s.(io.Closer); ok {
				s.Close()
			}
		})
	}})
	dial(t, addr)
	require.Equal(t, receive(t, opened), receive(t, closed))
}

// TestHookOfClosedIsLast: also where the handler hears of the end late, once a file
// has what came.
func TestHookOfClosedIsLast(t *testing.T) {
	order := make(chan string, 2)
	rt := newRuntime(t, &runtime.Config{Loops: 1, Hooks: runtime.Hooks{
		Closed: func(*runtime.Conn, error) { order <- "hook" },
	}})
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	ready := make(chan struct{})
	addr, _ := serveFuncs(t, rt, funcs{
		data: func(c *runtime.Conn, _ *buffers.Chain) {
			c.RecvToFile(f, 0, 1<<30, nil, func(int64, error) {})
			close(ready)
		},
		closed: func(*runtime.Conn, error) { order <- "handler" },
	})
	c := dial(t, addr)
	_, err = c.Write(make([]byte, 1000))
	require.NoError(t, err)
	receive(t, ready)
	require.NoError(t, c.(*net.TCPConn).SetLinger(0))
	require.NoError(t, c.Close())
	require.Equal(t, "handler", receive(t, order))
	require.Equal(t, "hook", receive(t, order))
}

package runtime_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
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

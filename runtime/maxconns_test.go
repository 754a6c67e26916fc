package runtime_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// haveConns waits until so many connections are open.
func haveConns(t *testing.T, rt *runtime.Runtime, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return rt.Stats().Total().Conns == n }, watchdog, time.Millisecond)
}

// overFull opens the connection that makes a listener pause: one more than MaxConns,
// that came while accepting went on.
func overFull(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c := dial(t, addr)
	require.NoError(t, pingPongOn(c, "in", 1))
	return c
}

// TestMaxConnsOfListeners: a listener that waits goes on when connections of
// another one end.
func TestMaxConnsOfListeners(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, MaxConns: 1})
	a, b := listen(t, rt, "tcp", acceptEcho), listen(t, rt, "tcp", acceptEcho)
	first := overFull(t, b)
	second := overFull(t, a)
	first.Close()
	haveConns(t, rt, 1)
	second.Close()
	haveConns(t, rt, 0)
	require.NoError(t, pingPong(b, "again", 1))
	require.NoError(t, pingPong(a, "again", 1))
}

// TestMaxConnsOfDials: dialed connections count, too, and their end.
func TestMaxConnsOfDials(t *testing.T) {
	away := newRuntime(t, &runtime.Config{Loops: 1})
	there := listen(t, away, "tcp", acceptEcho)
	rt := newRuntime(t, &runtime.Config{Loops: 1, MaxConns: 1})
	addr := listen(t, rt, "tcp", acceptEcho)
	up, err := rt.Dial(context.Background(), "tcp", there.String(), acceptEcho)
	require.NoError(t, err)
	over := overFull(t, addr)
	over.Close()
	haveConns(t, rt, 1)
	require.NoError(t, up.Loop().Post(func() { up.Close() }))
	require.NoError(t, pingPong(addr, "again", 1))
}

// TestMaxConnsOfMoved: a connection that leaves for another loop is no longer the
// listener's, but it is the runtime's.
func TestMaxConnsOfMoved(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 2, MaxConns: 1})
	moved := make(chan *runtime.Conn, 1)
	move := func(c *runtime.Conn, in *buffers.Chain) {
		in.Release()
		other := rt.Loops()[1-c.Loop().Index()]
		c.Detach(func(s driver.Detached, unread buffers.Chain, err error) {
			unread.Release()
			if err != nil {
				t.Error(err)
				return
			}
			_ = other.Post(func() {
				if err := other.Adopt(s, func(c *runtime.Conn) runtime.Handler { moved <- c; return echo{} }); err != nil {
					t.Error(err)
				}
			})
		})
	}
	cfg := &runtime.ListenConfig{OneQueue: true}
	ln, err := rt.ListenWith(context.Background(), cfg, "tcp", "127.0.0.1:0", func(*runtime.Conn) runtime.Handler {
		return &funcs{data: move}
	})
	require.NoError(t, err)
	defer ln.Close()
	for range 10 {
		c := dial(t, ln.Addr())
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		receive(t, moved)
		waits := dial(t, ln.Addr()) // accepting pauses
		waits.Close()
		c.Close()
		haveConns(t, rt, 0)
	}
}

// TestMaxConnsOnTwoLoops: that one loop finds the runtime full and waits, and that
// another one's last connection ends, may come at once.
func TestMaxConnsOnTwoLoops(t *testing.T) {
	const clients, rounds = 4, 200
	rt := newRuntime(t, &runtime.Config{Loops: 2, MaxConns: 1})
	addr := listen(t, rt, "tcp", acceptEcho)
	errs := make(chan error, clients)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range rounds {
				if err := pingPong(addr, "x", 1); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, errs)
}

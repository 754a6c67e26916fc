package runtime_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestTimeoutsOfWhatHasEnded: they arm nothing, which would hold the connection.
func TestTimeoutsOfWhatHasEnded(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, WriteTimeout: time.Hour})
	ended := make(chan *runtime.Conn, 1)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{closed: func(c *runtime.Conn, _ error) { ended <- c }}
	})
	require.NoError(t, dial(t, addr).Close())
	c := receive(t, ended)
	require.NoError(t, c.Loop().Call(func() {
		c.SetReadTimeout(time.Hour)
		c.SetIdleTimeout(0)
		c.SetWriteTimeout(time.Minute)
	}))
	require.Zero(t, rt.Stats().Total().Timers)
}

// TestLongestTimeout: one that is never over costs nothing else.
func TestLongestTimeout(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr, _ := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		c.SetIdleTimeout(math.MaxInt64 - 1)
		_ = c.Send(in.TakeAll())
	}})
	require.NoError(t, pingPongOn(dial(t, addr), "hello", 3))
}

package runtime_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestTrimWhenIdle: what a burst took goes back to the system once nothing comes any
// more, and the loop works on.
func TestTrimWhenIdle(t *testing.T) {
	const burst = 8 << 20
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnreadHigh: 2 * burst, Sizes: runtime.Sizes{Splice: 1}})
	relay := relayOn(t, rt, 0, nil)
	relay.pingPong(t, 16<<10)
	relay.pingPong(t, 16<<10)
	require.Equal(t, splices(rt), rt.Stats().Total().Pipes > 0)
	full := make(chan struct{}, 1)
	addr := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler {
		return &funcs{data: func(_ *runtime.Conn, in *buffers.Chain) {
			if in.Len() == burst {
				in.Release()
				full <- struct{}{}
			}
		}}
	})
	c := dial(t, addr)
	_, err := c.Write(make([]byte, burst))
	require.NoError(t, err)
	receive(t, full)
	require.Greater(t, mapped(rt), int64(burst))
	require.Eventually(t, func() bool { return rt.Stats().Total().Trimmed > burst/2 }, watchdog, 100*tick)
	require.Eventually(t, func() bool { return mapped(rt) < burst }, watchdog, tick)
	require.Zero(t, rt.Stats().Total().Pipes)
	relay.pingPong(t, 16<<10)
	_, err = c.Write(make([]byte, burst))
	require.NoError(t, err)
	receive(t, full)
	closeWrite(t, c)
	_, err = io.Copy(io.Discard, c)
	require.NoError(t, err)
}

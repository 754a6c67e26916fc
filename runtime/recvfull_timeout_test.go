package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestRecvFullFromASteadyPeer: time-outs are for peers that send nothing, not for those
// that need longer than one for all. So the connection has to see each part.
func TestRecvFullFromASteadyPeer(t *testing.T) {
	const pieces, piece = 16, 8 << 10
	for name, set := range map[string]func(c *runtime.Conn){
		"read": func(c *runtime.Conn) { c.SetReadTimeout(watchdog) },
		"idle": func(c *runtime.Conn) { c.SetIdleTimeout(watchdog) },
		"set meanwhile": func(c *runtime.Conn) {
			c.Loop().AfterFunc(time.Millisecond, func() { c.SetReadTimeout(watchdog) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			done, conn := make(chan error, 1), make(chan *runtime.Conn, 1)
			addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
				set(c)
				c.RecvFull(make([]byte, pieces*piece), func(_ int, err error) { done <- err })
				conn <- c
			}})
			peer := dial(t, addr)
			c := receive(t, conn)
			for sent := piece; sent <= pieces*piece; sent += piece {
				_, err := peer.Write(make([]byte, piece))
				require.NoError(t, err)
				if sent == pieces*piece {
					break
				}
				require.Eventually(t, func() bool {
					n := 0
					require.NoError(t, rt.Loops()[0].Call(func() { n = c.FullSoFar() }))
					return n == sent
				}, watchdog, time.Millisecond)
			}
			require.NoError(t, receive(t, done))
		})
	}
}

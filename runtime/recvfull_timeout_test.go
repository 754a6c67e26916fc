package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestRecvFullFromASteadyPeer: time-outs are for peers that send nothing, not for those
// that need longer than one for all.
func TestRecvFullFromASteadyPeer(t *testing.T) {
	const (
		pieces, piece = 16, 8 << 10
		pause         = 100 * time.Millisecond
		limit         = 10 * pause // less than it takes; a pause as long as this would be a busy machine
	)
	for name, set := range map[string]func(c *runtime.Conn){
		"read": func(c *runtime.Conn) { c.SetReadTimeout(limit) },
		"idle": func(c *runtime.Conn) { c.SetIdleTimeout(limit) },
		"set meanwhile": func(c *runtime.Conn) {
			c.Loop().AfterFunc(time.Millisecond, func() { c.SetReadTimeout(limit) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			done := make(chan error, 1)
			addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
				set(c)
				c.RecvFull(make([]byte, pieces*piece), func(_ int, err error) { done <- err })
			}})
			c := dial(t, addr)
			for range pieces {
				_, err := c.Write(make([]byte, piece))
				require.NoError(t, err)
				time.Sleep(pause)
			}
			require.NoError(t, receive(t, done))
		})
	}
}

package runtime_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// under returns a configuration with one kind of fault all the time.
func under(t *testing.T, k faults.Kind) *runtime.Config {
	cfg := faults.Config{Seed: 1, Fail: func(err error) { t.Error(err) }}
	cfg.Percent[k] = 100
	return &runtime.Config{Loops: 1, WrapEngine: func(open driver.Open) driver.Open {
		return faults.Wrap(open, cfg)
	}}
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

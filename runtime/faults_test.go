package runtime_test

import (
	"bytes"
	"io"
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

package fiber_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// TestWriteBeyondUnsentMax: a large Write is sent from the caller's memory, which is
// not what Config.UnsentMax bounds.
func TestWriteBeyondUnsentMax(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1, UnsentHigh: 64 << 10, UnsentMax: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	data := randomBytes(32 << 20)
	addr := serve(t, rt, func(c *fiber.Conn) error {
		n, err := c.Write(data)
		require.Equal(t, len(data), n)
		return err
	})
	got, err := io.ReadAll(dial(t, addr))
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
}

package fiber_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// TestCloseEndsSleep: fibers that sleep, on a connection's behalf or on their own, go on
// when the runtime closes. A goroutine that is left fails the package.
func TestCloseEndsSleep(t *testing.T) {
	const never = 24 * time.Hour
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	served, asleep, ended := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	addr := serve(t, rt, func(c *fiber.Conn) error {
		close(served)
		c.Sleep(never)
		c.Sleep(never) // there is no end of it
		_, err := c.WriteString("tick")
		ended <- err
		return err
	})
	dial(t, addr)
	require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
		task.Offload(func() { <-served })
		close(asleep)
		task.Sleep(never)
		ended <- nil
	}))
	<-asleep
	require.NoError(t, rt.Close())
	require.Len(t, ended, 2)
	if err := <-ended; err == nil {
		err = <-ended
		require.Error(t, err)
	}
}

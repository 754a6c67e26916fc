package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// TestBusyPoll: a loop that looks for work before it sleeps finds all kinds of it.
func TestBusyPoll(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, BusyPoll: time.Second})
	addr := listen(t, rt, "tcp", acceptEcho)
	require.NoError(t, pingPong(addr, "hello", 100))
	require.NotZero(t, rt.Stats().Total().BusyPolls)

	loop := rt.Loops()[0]
	for range 10 { // from outside
		require.NoError(t, loop.Call(func() {}))
	}
	fired := make(chan struct{})
	require.NoError(t, loop.Call(func() {
		loop.AfterFunc(time.Millisecond, func() { close(fired) })
	}))
	receive(t, fired)
	require.NoError(t, pingPong(addr, "hello again", 10))
}

// TestBatchWait: a loop lets completions gather only if it may, and never with BusyPoll.
func TestBatchWait(t *testing.T) {
	for _, c := range []struct{ batch, busy, want time.Duration }{
		{0, 0, 100 * time.Microsecond}, {time.Millisecond, 0, time.Millisecond}, {-1, 0, 0}, {time.Millisecond, 1, 0},
	} {
		cfg := &runtime.Config{Loops: 1, BatchWait: c.batch, BusyPoll: c.busy}
		var got time.Duration
		cfg.WrapEngine = func(open driver.Open) driver.Open {
			return func(cfg *driver.Config) (driver.Engine, error) {
				got = cfg.BatchWait
				return open(cfg)
			}
		}
		newRuntime(t, cfg)
		require.Equal(t, c.want, got)
	}
	_, err := runtime.New(&runtime.Config{BatchWait: time.Second})
	require.ErrorContains(t, err, "Config.BatchWait")
}

func TestBusyPollConfig(t *testing.T) {
	for _, d := range []time.Duration{-1, time.Second + 1} {
		_, err := runtime.New(&runtime.Config{BusyPoll: d})
		require.ErrorContains(t, err, "Config.BusyPoll")
	}
}

package runtime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
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

func TestBusyPollConfig(t *testing.T) {
	for _, d := range []time.Duration{-1, time.Second + 1} {
		_, err := runtime.New(&runtime.Config{BusyPoll: d})
		require.ErrorContains(t, err, "Config.BusyPoll")
	}
}

package app

import (
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

func TestSpareProcessor(t *testing.T) {
	t.Setenv("HEADRACE_BACKEND", "") // it would override what this asks for
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(3))
	with := func(loops int, backend runtime.Backend) *runtime.Runtime {
		rt, err := runtime.New(&runtime.Config{Loops: loops, Backend: backend})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, rt.Close()) })
		return rt
	}
	three := with(3, runtime.Auto)

	t.Setenv("GOMAXPROCS", "3")
	SpareProcessor(three)
	require.Equal(t, 3, goruntime.GOMAXPROCS(0), "who runs the program has decided")

	t.Setenv("GOMAXPROCS", "")
	SpareProcessor(with(2, runtime.Auto))
	require.Equal(t, 3, goruntime.GOMAXPROCS(0), "there is one to spare")
	SpareProcessor(with(3, runtime.Portable))
	require.Equal(t, 3, goruntime.GOMAXPROCS(0), "sockets are served by goroutines")
	if three.Backend() != runtime.Portable {
		SpareProcessor(three)
		require.Equal(t, 4, goruntime.GOMAXPROCS(0))
	}
}

package runtime_test

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestFileGrowsAndVanishes: what is sent is what there was when SendFile was called,
// whatever becomes of the file and its name.
func TestFileGrowsAndVanishes(t *testing.T) {
	const size = 8 << 20
	f := patternFile(t, size)
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	ends := make(chan outcome, 1)
	addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		require.NoError(t, c.SendFile(f, 0, -1, func(n int64, err error) { ends <- outcome{n, err} }))
		c.Close()
	}})
	c := dial(t, addr)
	first := make([]byte, 100<<10)
	_, err := io.ReadFull(c, first)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 1<<20), size)
	require.NoError(t, err)
	if err := os.Remove(f.Name()); err != nil {
		t.Log("a system that keeps the names of open files:", err)
	}
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, outcome{size, nil}, receive(t, ends))
	want, _ := io.ReadAll(pattern(size))
	require.Equal(t, len(want), len(first)+len(rest))
	require.True(t, string(want) == string(first)+string(rest))
}

// TestMemoryUsedUp: who asks for more than Config.MaxMemory is told so and ends, and
// what is given back serves the others.
func TestMemoryUsedUp(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{
		Loops: 1, RecvBuffers: 64, MaxMemory: 8 << 20, UnsentHigh: 1 << 30, UnsentMax: 1 << 30,
	})
	failed := make(chan error, 1)
	addr, ended := serveFuncs(t, rt, funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
		in.Release()
		_, err := c.Write(make([]byte, 64<<20))
		failed <- err
	}})
	echoes := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
	for range 3 {
		_, err := dial(t, addr).Write([]byte("all of it"))
		require.NoError(t, err)
		err = receive(t, failed)
		require.ErrorIs(t, err, runtime.ErrNoMemory)
		require.ErrorIs(t, err, syscall.ENOBUFS)
		require.ErrorIs(t, receive(t, ended), runtime.ErrNoMemory)
		require.NoError(t, pingPong(echoes, "memory for all", 10))
	}
	require.LessOrEqual(t, mapped(rt), int64(8<<20))
}

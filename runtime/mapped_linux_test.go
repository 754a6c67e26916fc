//go:build linux

package runtime_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// TestNothingIsLeftMapped: after load, closing gives back the rings, the pools and
// the rings of buffers.
func TestNothingIsLeftMapped(t *testing.T) {
	ringsBefore, bytesBefore := mappings(t)
	for range 3 {
		rt, err := runtime.New(&runtime.Config{Loops: 2})
		require.NoError(t, err)
		addr := listen(t, rt, "tcp", acceptEcho)
		errs := make(chan error)
		for range 20 {
			go func() { errs <- pingPong(addr, strings.Repeat("x", 100<<10), 2) }()
		}
		for range 20 {
			require.NoError(t, receive(t, errs))
		}
		rings, bytes := mappings(t)
		if rt.Backend() == runtime.IOUring {
			require.GreaterOrEqual(t, rings, ringsBefore+2)
		}
		require.Greater(t, bytes, bytesBefore, "pools are seen")
		require.NoError(t, rt.Close())
	}
	rings, bytes := mappings(t)
	require.Equal(t, ringsBefore, rings)
	require.Equal(t, bytesBefore, bytes)
}

// mappings counts what is mapped of rings, and the bytes of memory that a fork does
// not copy: what this library maps, and nothing else here.
func mappings(t *testing.T) (rings, bytes int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	kib := 0
	for line := range strings.Lines(string(maps)) {
		_, _ = fmt.Sscanf(line, "Size: %d kB", &kib)
		flags, ok := strings.CutPrefix(line, "VmFlags:")
		switch {
		case strings.Contains(line, "io_uring"):
			rings++
		case ok && strings.Contains(flags, " dc"): // MADV_DONTFORK
			bytes += kib << 10
		}
	}
	return rings, bytes
}

package runtime_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// paths runs what a connection does with a hint, while the peer sends data and reads
// all, and returns the paths that were taken and what the peer got.
func paths(
	t *testing.T, hint runtime.Hint, data []byte, do func(c *runtime.Conn, done func()),
) (runtime.PathStats, []byte) {
	t.Helper()
	return pathsOnce(t, hint, data, func(runtime.PathStats) bool { return true }, do)
}

// pathsOnce is paths with a peer that sends once the paths are as ready wants them.
func pathsOnce(
	t *testing.T, hint runtime.Hint, data []byte,
	ready func(runtime.PathStats) bool, do func(c *runtime.Conn, done func()),
) (runtime.PathStats, []byte) {
	t.Helper()
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		c.SetHint(hint)
		do(c, func() { c.Close() })
	}})
	c := dial(t, addr)
	require.Eventually(t, func() bool { return ready(rt.Stats().Total().Paths) }, watchdog, tick)
	go func() { _, _ = c.Write(data) }()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.NoError(t, receive(t, ended))
	return rt.Stats().Total().Paths, got
}

// TestHintSend: what counts as bulk.
func TestHintSend(t *testing.T) {
	for _, tt := range []struct {
		hint   runtime.Hint
		size   int
		expect int64
		bulk   bool
	}{
		{runtime.Balanced, 40 << 10, 0, false},
		{runtime.Balanced, 64 << 10, 0, true},
		{runtime.Bulk, 40 << 10, 0, true},
		{runtime.Bulk, 20 << 10, 0, false},
		{runtime.Interactive, 4 << 20, 0, false},
		{runtime.Balanced, 8 << 10, 1 << 20, true},
		{runtime.Balanced, 8 << 10, 10 << 10, false},
		{runtime.Balanced, 1 << 10, 1 << 20, false}, // too little to make much of
	} {
		data := randomBytes(tt.size)
		p, got := paths(t, tt.hint, nil, func(c *runtime.Conn, done func()) {
			c.Expect(tt.expect)
			_, err := c.Write(data)
			require.NoError(t, err)
			done()
		})
		require.True(t, bytes.Equal(data, got))
		require.NotZero(t, p.Sends)
		require.Equal(t, tt.bulk, p.BulkSends > 0, "%s, %d of %d bytes", tt.hint, tt.size, tt.expect)
	}
}

// TestHintChunks: expected bytes are given chunks that hold many pieces.
func TestHintChunks(t *testing.T) {
	const piece, pieces = 1000, 60
	for name, tt := range map[string]struct {
		hint   runtime.Hint
		expect int64
		large  bool // blocks of the largest class
	}{
		"nothing known": {runtime.Balanced, 0, false},
		"expected":      {runtime.Balanced, piece * pieces, true},
		"bulk":          {runtime.Bulk, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			data := randomBytes(piece * pieces)
			addr, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
				c.SetHint(tt.hint)
				c.Expect(tt.expect)
				for p := data; len(p) > 0; p = p[piece:] {
					_, err := c.Write(p[:piece])
					require.NoError(t, err)
				}
				c.Close()
			}})
			got, err := io.ReadAll(dial(t, addr))
			require.NoError(t, err)
			require.True(t, bytes.Equal(data, got))
			require.NoError(t, receive(t, ended))
			classes := rt.Stats().Loops[0].Pool.Classes
			require.Equal(t, tt.large, classes[len(classes)-1].Peak > 0)
		})
	}
}

// TestHintRecvFull: who waits for an answer does not stop the shared receive.
func TestHintRecvFull(t *testing.T) {
	for _, tt := range []struct {
		hint   runtime.Hint
		size   int
		direct bool
	}{
		{runtime.Balanced, 32 << 10, false},
		{runtime.Balanced, 1 << 20, true},
		{runtime.Bulk, 32 << 10, true},
		{runtime.Interactive, 1 << 20, false},
	} {
		data, dst := randomBytes(tt.size), make([]byte, tt.size)
		stopped := func(p runtime.PathStats) bool { return !tt.direct || p.DirectRecvs > 0 }
		p, _ := pathsOnce(t, tt.hint, data, stopped, func(c *runtime.Conn, done func()) {
			c.RecvFull(dst, func(int, error) { done() })
		})
		require.True(t, bytes.Equal(data, dst))
		require.Equal(t, tt.direct, p.DirectRecvs > 0, "%s, %d bytes", tt.hint, tt.size)
	}
}

// TestHintFiles: smaller pieces of files for interactive.
func TestHintFiles(t *testing.T) {
	const size = 8 << 20
	data := randomBytes(size)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	send := func(hint runtime.Hint) uint64 {
		p, got := paths(t, hint, nil, func(c *runtime.Conn, done func()) {
			require.NoError(t, c.SendFile(f, 0, -1, func(int64, error) { done() }))
		})
		require.True(t, bytes.Equal(data, got))
		return p.FileSends
	}
	require.GreaterOrEqual(t, send(runtime.Interactive), uint64(size/(128<<10)))
	for _, hint := range []runtime.Hint{runtime.Balanced, runtime.Bulk} {
		// Engines and sockets that are full decide the rest.
		require.GreaterOrEqual(t, send(hint), uint64(size/(1<<20)), hint.String())
	}

	small := filepath.Join(t.TempDir(), "small")
	require.NoError(t, os.WriteFile(small, data[:1000], 0o600))
	g, err := os.Open(small)
	require.NoError(t, err)
	defer g.Close()
	p, got := paths(t, runtime.Balanced, nil, func(c *runtime.Conn, done func()) {
		require.NoError(t, c.SendFile(g, 0, -1, nil))
		done()
	})
	require.True(t, bytes.Equal(data[:1000], got))
	require.EqualValues(t, 1, p.InlineFiles+p.FileSends) // one of them, as the engine can
}

// TestHintRecvToFile: the larger the writes, the fewer.
func TestHintRecvToFile(t *testing.T) {
	const size = 8 << 20
	data := randomBytes(size)
	for hint, least := range map[runtime.Hint]int{runtime.Balanced: 64 << 10, runtime.Bulk: 256 << 10} {
		f := newFile(t)
		p, _ := paths(t, hint, data, func(c *runtime.Conn, done func()) {
			c.RecvToFile(f, 0, size, nil, func(int64, error) { done() })
		})
		require.True(t, bytes.Equal(data, contents(t, f)))
		// A block can be as little as half used, and every write be cut in two.
		require.Less(t, p.FileWrites, uint64(2*2*size/least+2), hint.String())
	}
}

func TestHintNames(t *testing.T) {
	require.Equal(t, "balanced interactive bulk unknown",
		runtime.Balanced.String()+" "+runtime.Interactive.String()+" "+runtime.Bulk.String()+" "+runtime.Hint(9).String())
}

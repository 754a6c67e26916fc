package runtime_test

import (
	"bytes"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// TestSlowAndFastPeers: clients at very different rates, all at once, each get all
// their bytes, in little memory; one that stops reading is closed with ErrSlowPeer
// and costs the others nothing.
func TestSlowAndFastPeers(t *testing.T) {
	const (
		clients = 200
		size    = 256 << 10
		stopped = 5
		unsent  = 64 << 10
	)
	rt := newRuntime(t, &runtime.Config{
		Loops: 1, UnsentHigh: unsent, WriteTimeout: 500 * time.Millisecond, MaxMemory: 64 << 20,
	})
	var paused atomic.Int64
	for kind, accept := range slowHandlers(t, size, &paused) {
		t.Run(kind, func(t *testing.T) {
			addr := listen(t, rt, "tcp", accept)
			dead, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
				var chain buffers.Chain
				chain.Append(buffers.Wrap(make([]byte, 32<<20), nil)) // more than the system holds
				_ = c.Send(chain)
			}})
			for range stopped {
				dial(t, dead)
			}
			want := hashPattern(size)
			var wg sync.WaitGroup
			errs := make(chan error, clients)
			for i := range clients {
				// The first ones as fast as they can, each of the others a little slower.
				pause := time.Duration(i/2) * 100 * time.Microsecond
				wg.Go(func() {
					errs <- readInSteps(addr.String(), 8<<10, size, want, func(int64) { time.Sleep(pause) })
				})
			}
			wg.Wait()
			for range clients {
				require.NoError(t, <-errs)
			}
			for range stopped {
				require.ErrorIs(t, receive(t, ended), runtime.ErrSlowPeer)
			}
			const each, shared = unsent + 32<<10, memoryCap // a chunk begun and one too much; what receives
			require.Less(t, mapped(rt), int64(clients*each+shared))
		})
	}
	wasSlow(t, rt, 2*clients, &paused)
}

// TestTruncatedUnderSendFile: the peer gets what there was, and everybody is told.
func TestTruncatedUnderSendFile(t *testing.T) {
	const size, left = 64 << 20, 1 << 20
	f := patternFile(t, size)
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	ends := make(chan outcome, 1)
	addr, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		require.NoError(t, c.SendFile(f, 0, -1, func(n int64, err error) { ends <- outcome{n, err} }))
	}})
	c := dial(t, addr)
	first := make([]byte, 100<<10)
	_, err := io.ReadFull(c, first)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(f.Name(), left))
	rest, _ := io.ReadAll(c) // perhaps cut off by a reset
	end := receive(t, ends)
	require.ErrorIs(t, end.err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, receive(t, ended), io.ErrUnexpectedEOF)
	require.GreaterOrEqual(t, end.n, int64(len(first)+len(rest)))
	require.Less(t, end.n, int64(size))
}

// TestFileRangesBeyond4GiB: offsets and lengths are 64 bits all the way.
func TestFileRangesBeyond4GiB(t *testing.T) {
	f := newFile(t)
	const off = 5<<30 + 3
	mark := []byte("far out")
	_, err := f.WriteAt(mark, off)
	require.NoError(t, err) // a hole before it
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		const before = 1 << 20
		require.NoError(t, c.SendFile(f, off-before, before+int64(len(mark)), nil))
		require.NoError(t, c.SendFile(f, off, -1, nil))
		c.Close()
	}})
	got, err := io.ReadAll(dial(t, addr))
	require.NoError(t, err)
	require.Len(t, got, 1<<20+2*len(mark))
	require.True(t, bytes.Equal(append(bytes.Clone(mark), mark...), got[1<<20:]))
	require.Empty(t, bytes.Trim(got[:1<<20], "\x00"))

	ends := make(chan outcome, 1)
	addr, _ = serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
		c.RecvToFile(f, off+100, -1, nil, func(n int64, err error) { ends <- outcome{n, err} })
	}})
	c := dial(t, addr)
	_, err = c.Write(mark)
	require.NoError(t, err)
	closeWrite(t, c)
	require.Equal(t, outcome{int64(len(mark)), nil}, receive(t, ends))
	back := make([]byte, len(mark))
	_, err = f.ReadAt(back, off+100)
	require.NoError(t, err)
	require.Equal(t, mark, back)
}

// TestPeerGoesAtEachStage: whatever moves when the peer goes, the connection ends with
// an error, nothing is leaked, and the server goes on.
func TestPeerGoesAtEachStage(t *testing.T) {
	const size = 64 << 20
	f := patternFile(t, size)
	sink := newFile(t)
	dst := make([]byte, size)
	stages := map[string]func(c *runtime.Conn){
		"Send": func(c *runtime.Conn) {
			var chain buffers.Chain
			chain.Append(buffers.Wrap(dst, nil))
			_ = c.Send(chain)
		},
		"SendFile":   func(c *runtime.Conn) { _ = c.SendFile(f, 0, -1, nil) },
		"RecvFull":   func(c *runtime.Conn) { c.RecvFull(dst, func(int, error) {}) },
		"RecvToFile": func(c *runtime.Conn) { c.RecvToFile(sink, 0, -1, nil, func(int64, error) {}) },
	}
	for name, begin := range stages {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			addr, ended := serveFuncs(t, rt, funcs{open: begin})
			echoes := listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return echo{} })
			for range 10 {
				c := dial(t, addr)
				go func() { _, _ = c.Write(make([]byte, 100<<10)) }()
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				_, _ = io.CopyN(io.Discard, c, 100<<10) // as far as there is anything
				reset(t, c)
				require.Error(t, receive(t, ended))
			}
			require.NoError(t, pingPong(echoes, "still here", 10))
			require.Zero(t, rt.Stats().Total().Panics)
		})
	}
}

package runtime_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// splices tells whether the engine of rt can.
func splices(rt *runtime.Runtime) bool { return rt.Stats().Backend != "portable" }

func spliceFrom(n int) *runtime.Config {
	return &runtime.Config{Loops: 1, Sizes: runtime.Sizes{Splice: n}}
}

// TestRelaySplices: large transfers both ways at once go through pipes, whole and in
// order, with their ends; and when all is over no pipe is left.
func TestRelaySplices(t *testing.T) {
	const size = 32 << 20
	for _, from := range []int{-1, 1, 100_000} {
		before := descriptors(t)
		r := newRelay(t, spliceFrom(from), 0, nil)
		var wg sync.WaitGroup
		for _, c := range []net.Conn{r.client, r.server} {
			wg.Go(func() {
				writePattern(c, size)
				_ = c.(*net.TCPConn).CloseWrite()
			})
			wg.Go(func() {
				got, n := hashAll(c)
				require.EqualValues(t, size, n)
				require.Equal(t, hashPattern(size), got)
			})
		}
		wg.Wait()
		res := receive(t, r.results)
		require.NoError(t, res.Err())
		require.EqualValues(t, size, res.AToB)
		require.EqualValues(t, size, res.BToA)
		require.Equal(t, from > 0 && splices(r.rt), r.rt.Stats().Total().Paths.Splices > 0)
		require.NoError(t, r.client.Close())
		require.NoError(t, r.server.Close())
		require.NoError(t, r.rt.Close())
		require.LessOrEqual(t, descriptors(t), before+1) // up's listener, until the test ends
	}
}

// TestRelayPipesAreCounted: pipes are told of while they are open, what they hold comes
// out of MaxMemory, and a relay does without where that is spent.
func TestRelayPipesAreCounted(t *testing.T) {
	const size = 16 << 20
	for memory, pipes := range map[int64]bool{1 << 30: true, 1 << 20: false} {
		cfg := spliceFrom(1)
		cfg.MaxMemory, cfg.RecvBuffers = memory, 16
		r := newRelay(t, cfg, 0, nil)
		go func() {
			writePattern(r.client, size)
			_ = r.client.(*net.TCPConn).CloseWrite()
		}()
		head := make([]byte, 1<<20)
		_, err := io.ReadFull(r.server, head)
		require.NoError(t, err)
		open := r.rt.Stats().Total().Pipes
		require.Equal(t, pipes && splices(r.rt), open == 1, "%d pipes with %d bytes", open, memory)
		rest, err := io.ReadAll(r.server)
		require.NoError(t, err)
		want, _ := io.ReadAll(pattern(size))
		require.True(t, bytes.Equal(want, append(head, rest...)))
		closeWrite(t, r.server)
		require.NoError(t, receive(t, r.results).Err())
		require.Zero(t, r.rt.Stats().Total().Pipes)
	}
}

// TestRelaysSharePipes: a pipe is a relay's while there is something in it. Relays that
// speak in turns have one of them, and those that find none go by the buffers.
func TestRelaysSharePipes(t *testing.T) {
	const count, size = 8, 16 << 20
	cfg := spliceFrom(1)
	cfg.MaxMemory, cfg.RecvBuffers = 3<<20, 16
	rt := newRuntime(t, cfg)
	var relays []*relayed
	for range count {
		relays = append(relays, relayOn(t, rt, 0, nil))
	}
	for range 5 {
		for _, r := range relays {
			r.pingPong(t, 16<<10)
		}
	}
	total := rt.Stats().Total()
	require.Equal(t, splices(rt), total.Paths.Splices >= 4*count)
	require.Equal(t, splices(rt), total.Pipes > 0)
	require.LessOrEqual(t, total.Pipes, 2, "one that is empty, one whose bytes were read before its turn ended")

	var wg sync.WaitGroup
	want := hashPattern(size)
	for _, r := range relays { // all at once: memory does not suffice for a pipe each
		wg.Go(func() {
			writePattern(r.client, size)
			_ = r.client.(*net.TCPConn).CloseWrite()
		})
		wg.Go(func() {
			got, n := hashAll(r.server)
			assert.EqualValues(t, size, n)
			assert.Equal(t, want, got)
			_ = r.server.(*net.TCPConn).CloseWrite()
		})
	}
	wg.Wait()
	for _, r := range relays {
		require.NoError(t, receive(t, r.results).Err())
	}
	require.Zero(t, rt.Stats().Total().Pipes)
}

// TestRelayChangesItsMind: after a large transfer small messages go by the buffers
// again, and the next large one through a pipe, with not a byte out of place.
func TestRelayChangesItsMind(t *testing.T) {
	r := newRelay(t, spliceFrom(64<<10), 0, nil)
	buf := make([]byte, 100)
	for range 3 {
		before := r.rt.Stats().Total().Paths
		go writePattern(r.client, 8<<20)
		got := make([]byte, 8<<20)
		_, err := io.ReadFull(r.server, got)
		require.NoError(t, err)
		want, _ := io.ReadAll(pattern(8 << 20))
		require.True(t, bytes.Equal(want, got))
		require.Equal(t, splices(r.rt), r.rt.Stats().Total().Paths.Splices > before.Splices)

		var settled uint64
		for i := range 50 {
			if i == 20 {
				settled = r.rt.Stats().Total().Paths.Splices
			}
			copy(buf, randomBytes(len(buf)))
			_, err := r.client.Write(buf)
			require.NoError(t, err)
			_, err = io.ReadFull(r.server, got[:len(buf)])
			require.NoError(t, err)
			require.Equal(t, buf, got[:len(buf)], i)
			_, err = r.server.Write(buf[:1+i])
			require.NoError(t, err)
			_, err = io.ReadFull(r.client, got[:1+i])
			require.NoError(t, err)
		}
		require.Equal(t, settled, r.rt.Stats().Total().Paths.Splices)
	}
	closeWrite(t, r.client)
	closeWrite(t, r.server)
	require.NoError(t, receive(t, r.results).Err())
}

// TestRelaySpliceFails: what a side sent before its reset still arrives, out of the
// pipe, and a side that resets ends a transfer that is stuck behind it.
func TestRelaySpliceFails(t *testing.T) {
	r := newRelay(t, spliceFrom(1), 0, nil)
	_, err := r.client.Write(randomBytes(50_000))
	require.NoError(t, err)
	_, err = io.ReadFull(r.server, make([]byte, 50_000))
	require.NoError(t, err)
	last := randomBytes(10_000)
	_, err = r.client.Write(last)
	require.NoError(t, err)
	got := make([]byte, len(last))
	_, err = io.ReadFull(r.server, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(last, got))
	reset(t, r.client)
	_, err = io.ReadAll(r.server)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	res := receive(t, r.results)
	require.Error(t, res.ErrA)
	require.NoError(t, res.ErrB)

	r = newRelay(t, spliceFrom(1), 0, nil)
	written := make(chan struct{})
	go func() {
		defer close(written)
		writePattern(r.client, 64<<20) // until it is refused
	}()
	_, err = io.ReadFull(r.server, make([]byte, 100_000))
	require.NoError(t, err)
	reset(t, r.server)
	res = receive(t, r.results)
	require.Error(t, res.ErrB)
	receive(t, written)
}

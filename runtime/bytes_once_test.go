package runtime_test

import (
	"crypto/sha256"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// sendOnce sends p by one call.
func sendOnce(t *testing.T, rt *runtime.Runtime, p []byte) ([]byte, int64) {
	return download(t, rt, &funcs{open: func(c *runtime.Conn) {
		var chain buffers.Chain
		chain.Append(buffers.Wrap(p, nil))
		_ = c.Send(chain)
		c.Close()
	}})
}

// recvOnce receives the pattern into p by one call.
func recvOnce(t *testing.T, rt *runtime.Runtime, p []byte) ([]byte, int64) {
	clear(p)
	ends := make(chan outcome, 1)
	upload(t, rt, int64(len(p)), &funcs{open: func(c *runtime.Conn) {
		c.RecvFull(p, func(n int, err error) {
			ends <- outcome{int64(n), err}
			c.Close()
		})
	}})
	end := receive(t, ends)
	require.NoError(t, end.err)
	sum := sha256.Sum256(p)
	return sum[:], end.n
}

// pooledSource sends the pattern in chunks of the loop's pool, as the peer takes it.
type pooledSource struct{ from io.Reader }

func (s *pooledSource) Data(*runtime.Conn, *buffers.Chain) {}
func (s *pooledSource) Closed(*runtime.Conn, error)        {}
func (s *pooledSource) Open(c *runtime.Conn)               { s.Drained(c) }

func (s *pooledSource) Drained(c *runtime.Conn) {
	for !c.Full() {
		var chain buffers.Chain
		chain.Append(c.Loop().Pool().Get(16 << 10))
		n, err := io.ReadFull(s.from, chain.Tail().Room())
		chain.Extend(n)
		if c.Send(chain) != nil {
			return
		}
		if err != nil {
			c.Close()
			return
		}
	}
}

func sendPooled(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	return download(t, rt, &pooledSource{from: pattern(size)})
}

// TestOwnMemoryIsNotLimited: UnsentMax bounds pooled memory; a program may have any
// amount of its own sent by one call.
func TestOwnMemoryIsNotLimited(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, UnsentHigh: 64 << 10, UnsentMax: 1 << 20})
	p := make([]byte, 32<<20)
	_, _ = io.ReadFull(pattern(int64(len(p))), p)
	sum, n := sendOnce(t, rt, p)
	require.Equal(t, int64(len(p)), n)
	require.Equal(t, hashPattern(n), sum)
}

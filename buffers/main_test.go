package buffers

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newPool returns a pool that must have everything back when the test ends.
func newPool(t require.TestingT, cfg *Config) *Pool {
	p, err := NewPool(cfg)
	require.NoError(t, err)
	if tb, ok := t.(testing.TB); ok {
		tb.Cleanup(func() { require.NoError(t, p.Close()) })
	}
	return p
}

// smallPool has blocks so small that chains get many of them, and classes that
// are not neighbours.
func smallPool(t require.TestingT) *Pool {
	return newPool(t, &Config{BlockSizes: []int{64, 256}, SegmentSize: 4096})
}

// filled returns a chunk that holds a copy of s.
func filled(t require.TestingT, p *Pool, s string) *Chunk {
	c := p.Get(len(s))
	require.NotNil(t, c)
	c.Extend(copy(c.Room(), s))
	require.Equal(t, s, string(c.Bytes()))
	return c
}

// chainOf returns a chain with one chunk for each piece.
func chainOf(t require.TestingT, p *Pool, pieces ...string) *Chain {
	h := new(Chain)
	for _, s := range pieces {
		h.Append(filled(t, p, s))
	}
	return h
}

func inUse(p *Pool) (n int) {
	for _, cl := range p.Stats().Classes {
		n += cl.InUse
	}
	return n
}

// pattern returns n bytes that tell where they are.
func pattern(n int) []byte {
	return bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz-"), n/37+1)[:n]
}

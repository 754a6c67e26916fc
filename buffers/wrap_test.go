package buffers

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrapReleasesWithTheLastView(t *testing.T) {
	mem := []byte("the caller's own memory")
	released := 0
	c := Wrap(mem, func() { released++ })
	require.Same(t, &mem[0], &c.Bytes()[0])
	require.Equal(t, len(mem), c.Cap())
	require.Nil(t, c.Room())
	require.Panics(t, func() { c.Extend(1) })
	_, ok := newPool(t, nil).SegmentOf(c)
	require.False(t, ok)

	v := c.Slice(4, 10)
	c.Release()
	require.Zero(t, released)
	require.Equal(t, "caller", string(v.Bytes()))
	v.TrimBack(6)
	require.Nil(t, v.Room())
	var h Chain
	h.Append(v)
	require.Zero(t, h.Held())
	h.Release()
	require.Equal(t, 1, released)

	Wrap(nil, nil).Release()
	Wrap(make([]byte, 8, 64), nil).Release()
}

func TestWrappedAndPooledChunksMix(t *testing.T) {
	p, q := smallPool(t), smallPool(t)
	released := 0
	var h Chain
	h.Append(filled(t, p, "a"))
	h.Append(Wrap([]byte("bc"), func() { released++ }))
	h.Append(filled(t, q, "d"))
	h.Append(filled(t, p, "e"))
	h.Append(Wrap([]byte("f"), func() { released++ }))
	require.Equal(t, "abcdef", string(h.Bytes()))
	require.Equal(t, 3*64, h.Held())
	front := h.Split(2)
	h.Release()
	require.Equal(t, 1, released)
	require.Equal(t, "ab", string(front.Bytes()))
	front.Release()
	require.Equal(t, 2, released)
	require.Zero(t, inUse(p)+inUse(q))
}

func TestWrapIsReleasedOnceByConcurrentViews(t *testing.T) {
	for range 100 {
		done := make(chan struct{})
		c := Wrap(pattern(100), func() { close(done) }) // a second close panics
		var wg sync.WaitGroup
		for i := range 4 {
			v := c.Slice(i, i+10)
			wg.Go(v.Release)
		}
		wg.Go(c.Release)
		wg.Wait()
		<-done
	}
}

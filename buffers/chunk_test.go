package buffers

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRoomBelongsToTheOnlyView(t *testing.T) {
	p := smallPool(t)
	c := filled(t, p, "hello")
	require.Len(t, c.Room(), 64-5)

	v := c.Slice(0, 2)
	require.Nil(t, c.Room(), "another view is out")
	require.Nil(t, v.Room())
	c.Release()
	require.Nil(t, v.Room(), "a view that ends before the used mark")
	require.Panics(t, func() { v.Extend(1) })
	v.Release()

	c = filled(t, p, "hello")
	v = c.Slice(3, 5)
	c.Release()
	require.Len(t, v.Room(), 64-5, "the last view, and it ends at the used mark")
	v.Extend(copy(v.Room(), "!"))
	require.Equal(t, "lo!", string(v.Bytes()))
	v.TrimBack(1)
	require.Equal(t, "lo", string(v.Bytes()))
	require.Nil(t, v.Room())
	require.Panics(t, func() { v.Extend(1) })
	v.Release()

	c = filled(t, p, string(pattern(64)))
	require.Empty(t, c.Room())
	require.NotPanics(t, func() { c.Extend(0) })
	require.Panics(t, func() { c.Extend(1) })
	require.Panics(t, func() { c.Extend(-1) })
	c.TrimFront(64)
	require.Empty(t, c.Room(), "trimming gives no room back")
	c.Release()
}

func TestEmptyViewExtendsBehindTheUsedMark(t *testing.T) {
	p := smallPool(t)
	c := filled(t, p, "used")
	c.TrimFront(4)
	require.Len(t, c.Room(), 60)
	c.Extend(copy(c.Room(), "next"))
	require.Equal(t, "next", string(c.Bytes()))
	c.Release()
}

func TestExtendByNothingLeavesTheViewWhereItIs(t *testing.T) {
	p := smallPool(t)
	c := filled(t, p, "mine theirs")
	v := c.Slice(0, 4)
	c.Release()
	v.Extend(0)
	require.Equal(t, "mine", string(v.Bytes()))
	v.Release()
	w := Wrap([]byte("mine theirs"), nil)
	w.TrimBack(7)
	w.Extend(0)
	require.Equal(t, "mine", string(w.Bytes()))
	w.Release()
}

func TestViewsNeverReachBeyondTheirBytes(t *testing.T) {
	p := smallPool(t)
	old := filled(t, p, "another peer's secret")
	old.Release()
	c := p.Get(1)
	require.Empty(t, c.Bytes())
	require.Panics(t, func() { _ = c.Bytes()[:5] })
	c.Extend(copy(c.Room(), "mine"))
	require.Panics(t, func() { _ = c.Bytes()[:5] })
	require.Panics(t, func() { c.Slice(0, 5) })
	require.Panics(t, func() { c.Slice(-1, 2) })
	require.Panics(t, func() { c.TrimFront(5) })
	require.Panics(t, func() { c.TrimBack(5) })
	v := c.Slice(1, 3)
	_ = append(v.Bytes(), "overwritten"...)
	require.Equal(t, "mine", string(c.Bytes()))
	c.TrimBack(2)
	_ = append(c.Bytes(), "xx"...)
	require.Equal(t, "in", string(v.Bytes()))
	require.Panics(t, func() { v.Slice(0, 3) })
	v.Release()
	c.Release()
	require.Zero(t, p.Stats().Chunks, "a Slice that panics takes nothing")
}

func TestMisuseOfChunksPanics(t *testing.T) {
	p := smallPool(t)
	c := filled(t, p, "x")
	c.Release()
	require.PanicsWithValue(t, releasedMessage(c, "second Release"), func() { c.Release() })
	var h Chain
	require.PanicsWithValue(t, releasedMessage(c, "Append"), func() { h.Append(c) })

	c = filled(t, p, "x")
	v := c.Slice(0, 1)
	v.Release()
	require.PanicsWithValue(t, releasedMessage(v, "second Release"), func() { v.Release() })
	h.Append(c)
	for name, misuse := range map[string]func(){
		"Release":   func() { c.Release() },
		"Append":    func() { h.Append(c) },
		"Prepend":   func() { h.Prepend(c) },
		"Extend":    func() { c.Extend(0) },
		"TrimFront": func() { c.TrimFront(0) },
		"TrimBack":  func() { c.TrimBack(0) },
	} {
		require.PanicsWithValue(t, "buffers: "+name+" of a chunk that is in a chain", misuse)
	}
	h.Release()
	require.PanicsWithValue(t, "buffers: Release of a Chunk that no pool made", func() { new(Chunk).Release() })
	w := Wrap([]byte("x"), nil)
	w.Release()
	require.PanicsWithValue(t, releasedMessage(w, "second Release"), func() { w.Release() })
	require.Zero(t, inUse(p))
	p.Get(1).Release() // no lock was left held
}

// releasedMessage is what a use of a released chunk panics with, in either build.
func releasedMessage(c *Chunk, op string) string {
	if stack := c.trace.releaseStack(); stack != "" {
		return "buffers: " + op + " of a chunk that was released at:" + stack
	}
	return "buffers: " + op + " of a released chunk"
}

// A block is reused after its last view, not before, in whatever order views
// are made and released.
func TestBlockLivesUntilItsLastView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := smallPool(t)
		type view struct {
			c    *Chunk
			want string
		}
		text := string(pattern(64))
		views := []view{{filled(t, p, text), text}}
		for steps := rapid.IntRange(1, 60).Draw(t, "steps"); steps > 0 && len(views) > 0; steps-- {
			i := rapid.IntRange(0, len(views)-1).Draw(t, "view")
			v := views[i]
			if rapid.IntRange(0, 2).Draw(t, "release") == 0 {
				v.c.Release()
				views = append(views[:i], views[i+1:]...)
			} else {
				lo := rapid.IntRange(0, len(v.want)).Draw(t, "lo")
				hi := rapid.IntRange(lo, len(v.want)).Draw(t, "hi")
				views = append(views, view{v.c.Slice(lo, hi), v.want[lo:hi]})
			}
			other := p.Get(1) // would scribble on the block if it were free
			clear(other.Room())
			for _, v := range views {
				require.Equal(t, v.want, string(v.c.Bytes()))
			}
			other.Release()
			require.Equal(t, len(views), p.Stats().Chunks)
			require.Equal(t, min(len(views), 1), inUse(p))
		}
		for _, v := range views {
			v.c.Release()
		}
		require.NoError(t, p.Close())
	})
}

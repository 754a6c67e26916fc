package buffers

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fill does what the kernel does with a lent block.
func fill(b Block, off int, s string) {
	copy(unsafe.Slice((*byte)(b.Addr), b.Size)[off:], s)
}

func TestLentBlockBecomesAChunk(t *testing.T) {
	p := newPool(t, nil)
	b, ok := p.Lend(1)
	require.True(t, ok)
	require.Equal(t, 16<<10, b.Size)
	require.Equal(t, p.Segments()[0].Index, b.Segment())
	want := ClassStats{BlockSize: 16 << 10, Blocks: 64, InUse: 1, Lent: 1, Peak: 1}
	require.Equal(t, want, p.Stats().Classes[1])
	require.Zero(t, p.Stats().Chunks)
	fill(b, 0, "from the kernel")
	c := p.Chunk(b, 8)
	require.Equal(t, "from the", string(c.Bytes()))
	require.Len(t, c.Room(), 16<<10-8)
	want.Lent = 0
	require.Equal(t, want, p.Stats().Classes[1])
	require.Equal(t, 1, p.Stats().Chunks)
	c.Release()
	require.Zero(t, inUse(p))
}

func TestLoansEndOnce(t *testing.T) {
	p := newPool(t, nil)
	b, _ := p.Lend(0)
	require.Panics(t, func() { p.Chunk(b, b.Size+1) })
	require.Panics(t, func() { p.Share(b, 1, b.Size) })
	p.Unlend(b)
	require.PanicsWithValue(t, "buffers: Unlend of a block that is not lent", func() { p.Unlend(b) })
	require.PanicsWithValue(t, "buffers: Chunk of a block that is not lent", func() { p.Chunk(b, 1) })
	require.PanicsWithValue(t, "buffers: Share of a block that is not lent", func() { p.Share(b, 0, 1) })
	require.Panics(t, func() { p.Lend(7) })
	b, _ = p.Lend(0)
	p.Chunk(b, 0).Release()
	require.Zero(t, inUse(p))
	require.Zero(t, p.Stats().Classes[0].Lent)
}

func TestLendNTakesWhatTheBudgetLeaves(t *testing.T) {
	page := os.Getpagesize()
	p := newPool(t, &Config{BlockSizes: []int{page}, SegmentSize: 4 * page, Budget: NewBudget(int64(10 * page))})
	blocks := make([]Block, 16)
	n := p.LendN(0, blocks)
	require.Equal(t, 10, n)
	seen := map[unsafe.Pointer]bool{}
	for _, b := range blocks[:n] {
		require.False(t, seen[b.Addr])
		seen[b.Addr] = true
	}
	require.Equal(t, 10, p.Stats().Classes[0].Lent)
	p.Unlend(blocks[0])
	require.Equal(t, 1, p.LendN(0, blocks[:1]))
	require.Zero(t, p.LendN(0, nil))
	for _, b := range blocks[:n] {
		p.Unlend(b)
	}
}

// An incrementally consumed buffer: the kernel fills it bit by bit, each bit
// is a view, and the block is free after the kernel and all views let go.
func TestSharesOfABlockThatStaysLent(t *testing.T) {
	p := newPool(t, nil)
	b, _ := p.Lend(0)
	fill(b, 0, "first second")
	v := p.Share(b, 0, 5)
	w := p.Share(b, 6, 6)
	require.Equal(t, "first", string(v.Bytes()))
	require.Equal(t, "second", string(w.Bytes()))
	v.Release()
	require.Nil(t, w.Room(), "the kernel still owns what is behind")
	p.Unlend(b)
	require.Equal(t, 1, inUse(p))
	require.Len(t, w.Room(), b.Size-12)
	w.Release()
	require.Zero(t, inUse(p))

	b, _ = p.Lend(0)
	v = p.Share(b, 0, 1)
	v.Release()
	require.Equal(t, 1, inUse(p), "a loan holds the block without views")
	c := p.Chunk(b, 3)
	c.Release()
	require.Zero(t, inUse(p))
}

// What was used of a block stays used when a loan ends with less, or less is shared
// later: no view may get bytes as Room that another view covered.
func TestUsedNeverShrinks(t *testing.T) {
	p := newPool(t, nil)
	b, _ := p.Lend(0)
	fill(b, 0, "0123456789")
	v := p.Share(b, 4, 6)
	c := p.Chunk(b, 4)
	require.Equal(t, "0123", string(c.Bytes()))
	require.Nil(t, c.Room())
	v.Release()
	require.Nil(t, c.Room(), "the view ends before what was used")
	c.Release()

	b, _ = p.Lend(0)
	fill(b, 0, "0123456789")
	w := p.Share(b, 6, 4)
	v = p.Share(b, 0, 5)
	p.Unlend(b)
	w.Release()
	require.Nil(t, v.Room(), "the view ends before what was used")
	v.Release()
	require.Zero(t, inUse(p))
}

package buffers

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestSegmentsArePageAlignedAndHoldTheirChunks(t *testing.T) {
	p := newPool(t, &Config{SegmentSize: 100 << 10})
	var chunks []*Chunk
	for class := range p.Classes() {
		chunks = append(chunks, p.GetClass(class))
	}
	segs := p.Segments()
	require.Len(t, segs, 3)
	require.Equal(t, 3, p.Stats().Segments)
	for i, s := range segs {
		require.Equal(t, i, s.Index)
		base := uintptr(unsafe.Pointer(unsafe.SliceData(s.Memory)))
		require.Zero(t, base%uintptr(os.Getpagesize()))
		require.GreaterOrEqual(t, len(s.Memory), 100<<10)
	}
	for _, c := range chunks {
		i, ok := p.SegmentOf(c)
		require.True(t, ok)
		off := uintptr(unsafe.Pointer(&c.Room()[0])) - uintptr(unsafe.Pointer(&segs[i].Memory[0]))
		require.Less(t, off, uintptr(len(segs[i].Memory)))
		c.Release()
	}
}

func TestHugePageSegmentsAreAligned(t *testing.T) {
	p := newPool(t, &Config{HugePages: true})
	c := p.Get(1)
	s := p.Segments()[0]
	require.Len(t, s.Memory, hugePageSize)
	require.Zero(t, uintptr(unsafe.Pointer(&s.Memory[0]))%hugePageSize)
	s.Memory[0], s.Memory[hugePageSize-1] = 1, 1
	s.Memory[0], s.Memory[hugePageSize-1] = 0, 0
	c.Release()
}

func TestPinnedSegmentsStay(t *testing.T) {
	p := newPool(t, &Config{BlockSizes: []int{64 << 10}, SegmentSize: 64 << 10})
	var chunks []*Chunk
	for i := range 4 {
		c := p.Get(1)
		index, ok := p.SegmentOf(c)
		require.True(t, ok)
		require.Equal(t, i, index)
		if i < 3 {
			require.Equal(t, p.Segments()[i].Memory, p.Pin(i))
		}
		chunks = append(chunks, c)
	}
	_, ok := newPool(t, nil).SegmentOf(chunks[0])
	require.False(t, ok, "of another pool")
	for _, c := range chunks {
		c.Release()
	}
	require.EqualValues(t, 64<<10, p.Trim(), "only the segment that nobody pinned goes")
	require.Equal(t, 3, p.Stats().Segments)
	p.Unpin(2)
	p.Unpin(3)
	require.EqualValues(t, 64<<10, p.Trim())
	require.Equal(t, 2, p.Stats().Segments)

	for i := range 4 {
		chunks[i] = p.Get(1)
	}
	segs := p.Segments()
	require.Equal(t, 2, segs[2].Index, "a free index is used again")
	require.Len(t, segs, 4)
	for _, c := range chunks {
		c.Release()
	}
}

func TestTrimDropsPagesAndKeepsWhatIsHeld(t *testing.T) {
	p := newPool(t, &Config{SegmentSize: 256 << 10})
	var chunks []*Chunk
	for range 16 {
		c := p.GetClass(1)
		c.Extend(copy(c.Room(), pattern(16<<10)))
		chunks = append(chunks, c)
	}
	for i, c := range chunks {
		if i != 3 && i != 9 {
			c.Release()
		}
	}
	require.EqualValues(t, 14*16<<10, p.Trim())
	require.Equal(t, pattern(16<<10), chunks[3].Bytes())
	require.Equal(t, pattern(16<<10), chunks[9].Bytes())
	require.Equal(t, ClassStats{BlockSize: 16 << 10, Blocks: 16, InUse: 2, Peak: 16}, p.Stats().Classes[1])
	for i := range chunks {
		if i != 3 && i != 9 {
			chunks[i] = p.GetClass(1)
			require.Len(t, chunks[i].Room(), 16<<10)
		}
	}
	require.Equal(t, 1, p.Stats().Segments)
	for _, c := range chunks {
		c.Release()
	}
	require.EqualValues(t, 256<<10, p.Trim())
	require.Zero(t, p.Stats().Mapped)
	require.NoError(t, p.Stats().Err)
}

func TestPinOfASegmentThatIsGone(t *testing.T) {
	p := newPool(t, nil)
	p.Get(1).Release()
	require.NotNil(t, p.Pin(0))
	p.Unpin(0)
	require.NotZero(t, p.Trim())
	require.Nil(t, p.Pin(0))
	p.Unpin(0)
	require.Empty(t, p.Segments())
}

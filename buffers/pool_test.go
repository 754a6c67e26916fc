package buffers

import (
	"errors"
	"math/bits"
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestConfigIsValidated(t *testing.T) {
	many := make([]int, maxClasses+1)
	for i := range many {
		many[i] = minBlockSize << i
	}
	tests := []struct {
		name string
		cfg  *Config
		ok   bool
	}{
		{"nil", nil, true},
		{"zero", &Config{}, true},
		{"one class", &Config{BlockSizes: []int{4096}}, true},
		{"not a power of two", &Config{BlockSizes: []int{3000}}, false},
		{"zero size", &Config{BlockSizes: []int{0}}, false},
		{"negative size", &Config{BlockSizes: []int{-64}}, false},
		{"too small", &Config{BlockSizes: []int{32}}, false},
		{"too large", &Config{BlockSizes: []int{maxBlockSize / 2, maxBlockSize * 2 & 0x7fffffff}}, false},
		{"descending", &Config{BlockSizes: []int{4096, 2048}}, false},
		{"twice", &Config{BlockSizes: []int{2048, 2048}}, false},
		{"too many", &Config{BlockSizes: many}, false},
		{"negative segment", &Config{SegmentSize: -1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewPool(tt.cfg)
			if !tt.ok {
				require.Error(t, err)
				require.Nil(t, p)
				return
			}
			require.NoError(t, err)
			require.NoError(t, p.Close())
		})
	}
}

func TestConfigCloneIsDeep(t *testing.T) {
	require.Nil(t, (*Config)(nil).Clone())
	a := &Config{BlockSizes: []int{64, 128}, Budget: NewBudget(1)}
	b := a.Clone()
	require.Equal(t, a, b)
	b.BlockSizes[0] = 1
	require.Equal(t, 64, a.BlockSizes[0])
}

func TestClassForIsTheSmallestThatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs := rapid.SliceOfNDistinct(rapid.IntRange(6, 20), 1, 6, rapid.ID[int]).Draw(t, "logs")
		mask := 0
		for _, l := range logs {
			mask |= 1 << l
		}
		var sizes []int
		for ; mask != 0; mask &= mask - 1 {
			sizes = append(sizes, 1<<bits.TrailingZeros(uint(mask)))
		}
		p := newPool(t, &Config{BlockSizes: sizes})
		require.Equal(t, sizes, p.Classes())
		n := rapid.OneOf(rapid.IntRange(-1, 1<<21), rapid.Map(rapid.IntRange(0, 62),
			func(l int) int { return int(uint(1) << l >> 1) })).Draw(t, "n")
		want := len(sizes) - 1
		for i := len(sizes) - 1; i >= 0 && sizes[i] >= n; i-- {
			want = i
		}
		require.Equal(t, want, p.ClassFor(n))
	})
}

func TestGetGivesAnEmptyChunkWithRoom(t *testing.T) {
	p := newPool(t, nil)
	tests := []struct{ n, size int }{
		{0, 2 << 10}, {1, 2 << 10}, {2 << 10, 2 << 10}, {2<<10 + 1, 16 << 10},
		{16 << 10, 16 << 10}, {64 << 10, 64 << 10}, {1 << 20, 64 << 10},
	}
	for _, tt := range tests {
		c := p.Get(tt.n)
		require.Zero(t, c.Len())
		require.Empty(t, c.Bytes())
		require.Equal(t, tt.size, c.Cap())
		require.Len(t, c.Room(), tt.size)
		c.Release()
	}
	c := p.GetClass(1)
	require.Equal(t, 16<<10, c.Cap())
	c.Release()
	require.Panics(t, func() { p.GetClass(3) })
	require.Zero(t, inUse(p))
}

func TestReleasedLastIsHandedOutFirst(t *testing.T) {
	p := newPool(t, nil)
	a, b, c := p.Get(1), p.Get(1), p.Get(1)
	addr := func(c *Chunk) *byte { return unsafe.SliceData(c.Room()) }
	pa, pb, pc := addr(a), addr(b), addr(c)
	b.Release()
	c.Release()
	a.Release()
	for _, want := range []*byte{pa, pc, pb} {
		got := p.Get(1)
		require.Same(t, want, addr(got))
		defer got.Release()
	}
}

func TestBlocksNeverOverlap(t *testing.T) {
	p := smallPool(t)
	var all []*Chunk
	for i := range 300 {
		c := p.GetClass(i % 2)
		room := c.Room()
		for j := range room {
			room[j] = byte(i)
		}
		c.Extend(len(room))
		all = append(all, c)
	}
	for i, c := range all {
		for _, got := range c.Bytes() {
			require.Equal(t, byte(i), got)
		}
		c.Release()
	}
}

func TestBudgetIsSpentAndRecovers(t *testing.T) {
	page := os.Getpagesize()
	budget := NewBudget(int64(2 * page))
	cfg := &Config{BlockSizes: []int{page}, Budget: budget}
	p, q := newPool(t, cfg), newPool(t, cfg)
	a, b := p.Get(1), p.Get(1)
	require.NotNil(t, a)
	require.NotNil(t, b)
	require.EqualValues(t, 2*page, budget.Used())
	require.Nil(t, p.Get(1))
	require.Nil(t, p.GetClass(0))
	require.Nil(t, q.Get(1), "the budget is shared")
	_, ok := p.Lend(0)
	require.False(t, ok)
	require.EqualValues(t, 3, p.Stats().Failed)
	require.NoError(t, p.Stats().Err)

	a.Release()
	a = p.Get(1)
	require.NotNil(t, a, "a released block serves again")
	a.Release()
	b.Release()
	require.Nil(t, q.Get(1), "idle memory of another pool still counts")
	require.EqualValues(t, 2*page, p.Trim())
	require.Zero(t, budget.Used())
	c := q.Get(1)
	require.NotNil(t, c, "trimmed memory serves another pool")
	c.Release()
	require.EqualValues(t, 2*page, budget.Max())
}

func TestSpentBudgetMovesBetweenClasses(t *testing.T) {
	page := os.Getpagesize()
	budget := NewBudget(int64(4 * page))
	p := newPool(t, &Config{BlockSizes: []int{page, 4 * page}, SegmentSize: 4 * page, Budget: budget})
	a := p.Get(1)
	require.Nil(t, p.Get(4*page))
	a.Release()
	b := p.Get(4 * page)
	require.NotNil(t, b, "a wholly idle segment of another class makes room")
	require.Nil(t, p.Get(1))
	b.Release()
	b = p.Get(4 * page)
	c := p.Stats().Classes
	require.Equal(t, ClassStats{BlockSize: page, Peak: 1}, c[0])
	require.Equal(t, ClassStats{BlockSize: 4 * page, Blocks: 1, InUse: 1, Peak: 1}, c[1])
	b.Release()
	require.Equal(t, page, func() int { d := p.Get(1); defer d.Release(); return d.Cap() }())
}

func TestLargerFreeBlockServesWhenBudgetIsSpent(t *testing.T) {
	page := os.Getpagesize()
	p := newPool(t, &Config{
		BlockSizes:  []int{page, 4 * page},
		SegmentSize: 8 * page,
		Budget:      NewBudget(int64(8 * page)),
	})
	a, b := p.Get(4*page), p.Get(4*page)
	a.Release()
	c := p.Get(1)
	require.NotNil(t, c)
	require.Equal(t, 4*page, c.Cap())
	require.Nil(t, p.GetClass(0), "GetClass gives that class or nothing")
	b.Release()
	c.Release()
}

func TestBudgetWithoutBoundCounts(t *testing.T) {
	b := NewBudget(0)
	p := newPool(t, &Config{Budget: b})
	p.Get(1).Release()
	require.EqualValues(t, defaultSegmentSize, b.Used())
	require.EqualValues(t, defaultSegmentSize, p.Stats().Mapped)
}

func TestBudgetIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBudget(int64(rapid.IntRange(1, 1000).Draw(t, "max")))
		var grants []int64
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			unit := int64(1) << rapid.IntRange(0, 5).Draw(t, "unit")
			want := unit * int64(rapid.IntRange(1, 10).Draw(t, "units"))
			left := b.Max() - b.Used()
			got := b.reserve(want, unit)
			require.Equal(t, min(want, left/unit*unit), got)
			grants = append(grants, got)
			if rapid.Bool().Draw(t, "back") {
				b.giveBack(grants[0])
				grants = grants[1:]
			}
			require.LessOrEqual(t, b.Used(), b.Max())
		}
	})
}

func TestZeroWipes(t *testing.T) {
	p := newPool(t, &Config{Zero: true})
	c := filled(t, p, "secret")
	c.Room()[0] = 'x' // written, never extended over
	v := c.Slice(2, 4)
	c.Release()
	require.Equal(t, "cr", string(v.Bytes()))
	h := new(Chain)
	h.Append(v)
	h.Append(filled(t, p, "secret too"))
	h.Release()
	for range 2 {
		c = p.Get(1)
		require.Equal(t, make([]byte, 2<<10), c.Room())
		defer c.Release()
	}
}

func TestCloseReportsLeaksAndKeepsTheirMemory(t *testing.T) {
	budget := NewBudget(1 << 30)
	p, err := NewPool(&Config{Budget: budget, SegmentSize: 64 << 10})
	require.NoError(t, err)
	c := filled(t, p, "still here")
	b, ok := p.Lend(1)
	require.True(t, ok)
	p.Get(64 << 10).Release()
	require.EqualValues(t, 3*64<<10, budget.Used())

	var leak *LeakError
	require.True(t, errors.As(p.Close(), &leak))
	require.Equal(t, 1, leak.Chunks)
	require.Equal(t, 1, leak.Lent)
	require.Contains(t, leak.Error(), "1 chunks and 1 lent blocks")
	require.EqualValues(t, 2*64<<10, budget.Used(), "the idle segment is unmapped, the others are not")
	require.Nil(t, p.Get(1))
	_, ok = p.Lend(0)
	require.False(t, ok)

	require.Equal(t, "still here", string(c.Bytes()))
	v := c.Slice(0, 5)
	c.Release()
	require.ErrorAs(t, p.Close(), &leak)
	p.Unlend(b)
	require.Equal(t, "still", string(v.Bytes()))
	require.NotZero(t, budget.Used())
	v.Release()
	require.Zero(t, budget.Used(), "the last one out unmaps")
	require.NoError(t, p.Close())
}

func TestCloseKeepsLentMemoryForTheKernel(t *testing.T) {
	budget := NewBudget(0)
	p, err := NewPool(&Config{Budget: budget})
	require.NoError(t, err)
	c := p.GetClass(0)
	b, _ := p.Lend(1)
	require.Error(t, p.Close())
	c.Release()
	require.NotZero(t, budget.Used())
	fill(b, 0, "late")
	last := p.Chunk(b, 4)
	require.Equal(t, "late", string(last.Bytes()))
	last.Release()
	require.Zero(t, budget.Used())
	require.NoError(t, p.Close())
}

// A block that a new segment brought counts from the moment it is taken: Close, and
// the release of the last other chunk, leave its memory mapped.
func TestCloseKeepsWhatGrowTook(t *testing.T) {
	budget := NewBudget(0)
	p, err := NewPool(&Config{BlockSizes: []int{4096, 65536}, Budget: budget})
	require.NoError(t, err)
	var c *Chunk
	var lent Block
	held := func(use func(*block)) func(*block) {
		return func(b *block) {
			require.False(t, p.mu.TryLock(), "nobody comes between taking a block and counting it")
			use(b)
		}
	}
	other := p.Get(1)
	b := p.grow(1, held(func(b *block) { c = p.openLocked(b) }))
	p.grow(1, held(func(b *block) { lent = p.lendLocked(b) })) // one that is free meanwhile
	var leak *LeakError
	require.ErrorAs(t, p.Close(), &leak)
	require.Equal(t, 2, leak.Chunks)
	require.Equal(t, 1, leak.Lent)
	other.Release()
	require.NotZero(t, budget.Used())
	b.open(c)
	c.Extend(copy(c.Room(), "x")) // faults where there is no memory
	fill(lent, 0, "y")
	c.Release()
	require.NotZero(t, budget.Used())
	p.Unlend(lent)
	require.Zero(t, budget.Used())
	require.NoError(t, p.Close())
}

package buffers

import "sync/atomic"

// Budget bounds the memory that all pools sharing it may map, in bytes.
//
// Pools reserve when they map a segment and give back when they unmap one, so
// that getting and releasing a chunk never touches the budget. Safe for
// concurrent use; share one Budget among the pools of one runtime.
type Budget struct {
	max  int64
	used atomic.Int64
}

// NewBudget returns a budget of max bytes. A max of zero or less bounds
// nothing but still counts.
func NewBudget(max int64) *Budget { return &Budget{max: max} }

// Used returns the bytes that pools have mapped under this budget.
func (b *Budget) Used() int64 { return b.used.Load() }

// Max returns the bound in bytes, zero or less when there is none.
func (b *Budget) Max() int64 { return b.max }

// Take reserves n bytes for memory that is no pool's, and reports whether there were as
// many left. Give gives them back.
func (b *Budget) Take(n int64) bool { return n <= 0 || b.reserve(n, n) == n }

// Give gives back n bytes that Take reserved.
func (b *Budget) Give(n int64) { b.giveBack(n) }

// reserve takes the largest multiple of unit that fits, at most want, and
// returns it; zero means the budget is spent. A nil budget grants everything.
func (b *Budget) reserve(want, unit int64) int64 {
	if b == nil {
		return want
	}
	for {
		used := b.used.Load()
		grant := want
		if b.max > 0 {
			grant = min(want, (b.max-used)/unit*unit)
		}
		if grant <= 0 {
			return 0
		}
		if b.used.CompareAndSwap(used, used+grant) {
			return grant
		}
	}
}

func (b *Budget) giveBack(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

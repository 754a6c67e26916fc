package buffers

import (
	"math/bits"
	"sync"
)

// Pool is a slab of equal blocks in a few size classes, the memory of one
// loop. Memory is mapped a segment at a time, when a class runs dry, and
// handed out last released first, because those blocks are still in the cache.
//
// All methods are safe for concurrent use. They are cheapest when one
// goroutine does most of the work: a get or a release is one short critical
// section. A pool must be closed; the collector does not free its memory.
type Pool struct {
	cfg     Config
	scrubs  bool // released blocks are wiped or poisoned
	byLog   [bits.UintSize + 1]uint8
	classes []class

	// One mutex for gets and releases. A lock-free stack of returned blocks
	// was measured against it (BenchmarkReturnDesign, 2-core machine, Go 1.26,
	// best of 20 runs, get and return together): 12 ns with the mutex and 13
	// without on one goroutine, 20 and 29 when another returns; the getter
	// still needs its lock, to look among the returns for the hot blocks. Get
	// and Release as they stand take 18 ns.
	mu       sync.Mutex
	nodes    *Chunk // free nodes for views that are not their block's first
	views    int    // chunks out
	lent     int    // blocks with the kernel
	closed   bool
	failed   uint64
	mapErr   error
	mapped   int64
	unmapErr error
	segments []*segment // by index, nil where one was unmapped
	tracker  tracker

	growMu sync.Mutex // held to map, pin and unmap; taken before mu
}

// class is the blocks of one size.
type class struct {
	size  int
	free  []*block // a stack; its capacity holds all blocks of the class
	total int
	inUse int // out or lent
	lent  int
	peak  int
}

// NewPool returns an empty pool; nothing is mapped before the first Get. It
// fails on a config that makes no sense.
func NewPool(cfg *Config) (*Pool, error) {
	p := &Pool{cfg: cfg.populate()}
	if err := p.cfg.validate(); err != nil {
		return nil, err
	}
	p.scrubs = p.cfg.Zero || invariants
	for _, size := range p.cfg.BlockSizes {
		p.classes = append(p.classes, class{size: size})
	}
	for log := range p.byLog {
		i := 0
		for i < len(p.classes)-1 && bits.Len(uint(p.classes[i].size-1)) < log {
			i++
		}
		p.byLog[log] = uint8(i)
	}
	return p, nil
}

// Classes returns the block size of each class in bytes, ascending.
func (p *Pool) Classes() []int {
	sizes := make([]int, len(p.classes))
	for i := range p.classes {
		sizes[i] = p.classes[i].size
	}
	return sizes
}

// ClassFor returns the smallest class whose blocks hold n bytes, the largest
// class when none does.
func (p *Pool) ClassFor(n int) int {
	if n <= 1 {
		return 0
	}
	return int(p.byLog[bits.Len(uint(n-1))])
}

// Get returns an empty chunk of the smallest class with room for n bytes, or
// of the largest class when n exceeds it. When the budget leaves that class
// nothing, a free block of a larger class serves; when there is none either,
// or the pool is closed, Get returns nil. The caller owns the chunk.
func (p *Pool) Get(n int) *Chunk {
	first := p.ClassFor(n)
	if c := p.get(&p.classes[first]); c != nil {
		return c
	}
	for i := first; i < len(p.classes); i++ {
		if c := p.getGrown(i); c != nil {
			return c
		}
	}
	p.fail()
	return nil
}

// GetClass returns an empty chunk of exactly that class, nil when the budget
// is spent or the pool is closed. It panics when there is no such class.
func (p *Pool) GetClass(class int) *Chunk {
	if c := p.get(&p.classes[class]); c != nil {
		return c
	}
	if c := p.getGrown(class); c != nil {
		return c
	}
	p.fail()
	return nil
}

// get is the path that every received message takes.
func (p *Pool) get(cl *class) *Chunk {
	p.mu.Lock()
	b := p.takeLocked(cl)
	if b == nil {
		p.mu.Unlock()
		return nil
	}
	c := p.openLocked(b)
	p.mu.Unlock()
	b.open(c)
	return c
}

// getGrown is get where the class has run dry.
func (p *Pool) getGrown(class int) *Chunk {
	var c *Chunk
	b := p.grow(class, func(b *block) { c = p.openLocked(b) })
	if b != nil {
		b.open(c)
	}
	return c
}

// takeLocked pops the block that was released last.
func (p *Pool) takeLocked(cl *class) *block {
	n := len(cl.free)
	if n == 0 {
		return nil
	}
	b := cl.free[n-1]
	cl.free = cl.free[:n-1]
	cl.inUse++
	cl.peak = max(cl.peak, cl.inUse)
	return b
}

// openLocked returns the node for a block's first view.
func (p *Pool) openLocked(b *block) *Chunk {
	if invariants {
		return p.viewLocked(b)
	}
	p.views++
	return &b.first
}

// viewLocked returns a node for another view of a block. The invariants build
// never uses one twice, so that a released one is known for ever.
func (p *Pool) viewLocked(b *block) *Chunk {
	p.views++
	c := p.nodes
	switch {
	case invariants:
		c = new(Chunk)
		c.trace.taken()
		p.tracker.add(c)
	case c == nil:
		c = p.moreNodesLocked()
	}
	p.nodes = c.next
	c.blk, c.next, c.state = b, nil, stateLive
	return c
}

// moreNodesLocked makes free nodes, many at once, and returns the first.
func (p *Pool) moreNodesLocked() *Chunk {
	slab := make([]Chunk, 64)
	for i := range slab[1:] {
		slab[i].next = &slab[i+1]
	}
	return &slab[0]
}

// putLocked takes a chunk back, and its block when this was the last view. It
// returns false, and does nothing, when the chunk is not in the state that its
// owner believes.
func (p *Pool) putLocked(c *Chunk, want state) bool {
	if c.state != want {
		return false
	}
	b := c.blk
	c.state, c.data, c.next = stateFree, nil, nil
	p.views--
	if invariants {
		c.trace.released()
		p.tracker.remove(c)
		b.last = c.trace
	} else if c != &b.first {
		c.next, p.nodes = p.nodes, c
	}
	p.dropLocked(b)
	return true
}

// dropLocked gives one reference up and frees the block with the last.
func (p *Pool) dropLocked(b *block) {
	if b.refs.Load() != 1 {
		b.refs.Add(-1)
		return
	}
	if p.scrubs {
		b.scrub()
	}
	cl := &p.classes[b.class]
	cl.inUse--
	if p.closed {
		p.unmapLeftLocked()
		return
	}
	cl.free = append(cl.free, b)
}

// release takes the chunks of a list back, which a chain owned, with one lock
// for all neighbours of one pool.
func release(c *Chunk) {
	for c != nil {
		next := c.next
		p := c.blk.pool
		if p == nil {
			c.state = stateLive
			c.unwrap()
			c = next
			continue
		}
		c = p.putRun(c)
	}
}

// putRun takes back the chunks from c on that are this pool's and returns the
// first that is not.
func (p *Pool) putRun(c *Chunk) *Chunk {
	if p.scrubs {
		for s := c; s != nil && s.blk.pool == p; s = s.next {
			if s.blk.refs.Load() == 1 {
				s.blk.scrub()
			}
		}
	}
	p.mu.Lock()
	for c != nil && c.blk.pool == p {
		next := c.next
		if !p.putLocked(c, stateChained) {
			p.mu.Unlock()
			panic(c.misuse("Release"))
		}
		c = next
	}
	p.mu.Unlock()
	return c
}

func (p *Pool) fail() {
	p.mu.Lock()
	p.failed++
	p.mu.Unlock()
}

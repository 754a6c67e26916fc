package buffers

import "sync/atomic"

// block is one piece of memory that views share: a slot of a pool's segment,
// or, with a nil pool, memory that Wrap was given.
//
// A free block belongs to its pool. A block that is out belongs to its views
// together; refs counts them, and counts one more while the block is lent.
// Only the holder of a reference may touch the fields below refs.
type block struct {
	first Chunk // the first view's node: getting a block gets its chunk too

	// refs stays 1 in a free block, so that a sole owner neither decrements
	// on release nor increments on the next get. A pool's blocks change it
	// under the pool's lock and read it without.
	refs atomic.Int32

	class   uint8
	lent    bool
	clean   bool // wiped or poisoned since the last view wrote to it
	poison  bool // holds the poison of the invariants build
	idle    bool // marked by Trim, under the pool's lock
	used    int  // bytes from the start that views may cover; Room is behind it
	mem     []byte
	seg     *segment
	pool    *Pool
	release func() // of wrapped memory
	last    trace  // of the last release
}

// weight is what the block takes of a pool. Wrapped memory is nobody else's to use.
func (b *block) weight() int {
	if b.pool == nil {
		return 0
	}
	return len(b.mem)
}

// open makes c the empty first view of a block that was free.
func (b *block) open(c *Chunk) {
	b.reuse()
	c.data, c.state = b.mem[:0:0], stateLive
}

// scrub removes what the last owner left in a block that nobody else holds.
func (b *block) scrub() {
	if b.clean {
		return
	}
	if invariants {
		poison(b.mem)
		b.poison = true
	} else {
		clear(b.mem)
	}
	b.clean = true
}

// reuse makes a block that came from the free list ready for its next owner.
func (b *block) reuse() {
	b.used = 0
	if !b.pool.scrubs {
		return
	}
	if b.poison {
		checkPoison(b)
		if b.pool.cfg.Zero {
			clear(b.mem)
		}
	}
	b.poison, b.clean = false, false
}

package buffers

import "fmt"

// state says who may use a chunk's node.
type state uint8

const (
	stateFree    state = iota // in the pool; any use is a use after release
	stateLive                 // held by whoever got it
	stateChained              // in a chain, which may alone change or release it
)

// Chunk is a counted view of a block of memory. It is drawn from a pool by
// Get, made of a lent block by Pool.Chunk, or made of the caller's memory by
// Wrap, and has one owner, who releases it exactly once or hands it on (to a
// Chain, to another goroutine). After that it must not be touched.
//
// A chunk is not safe for concurrent use, but views of one block are
// independent: each may be used and released on a goroutine of its own.
// Views share memory; whoever writes into bytes that another view covers
// needs that owner's consent.
type Chunk struct {
	trace trace
	data  []byte // the view; its capacity never exceeds its length
	blk   *block
	next  *Chunk
	state state
}

// Bytes returns the viewed bytes. The slice is valid until Release; its
// capacity is clipped, so that append can not write into the block.
func (c *Chunk) Bytes() []byte {
	c.check("Bytes")
	return c.data
}

// Len returns the number of viewed bytes.
func (c *Chunk) Len() int {
	c.check("Len")
	return len(c.data)
}

// Cap returns the size of the block in bytes: what this view keeps from being
// reused, however short it is.
func (c *Chunk) Cap() int {
	c.check("Cap")
	return len(c.blk.mem)
}

// Room returns the writable tail behind the view: the rest of the block when
// this is the block's only view and reaches the block's used mark, else nil.
// Wrapped memory has no room. Write into it, then Extend; in between no other
// view may be made.
//
// Room may hold bytes of the block's former owner. Only a writer sees them:
// no view ever covers a byte that was not extended over. Config.Zero wipes.
func (c *Chunk) Room() []byte {
	c.check("Room")
	b := c.blk
	if b.pool == nil || b.refs.Load() != 1 || !c.atMark() {
		return nil
	}
	return b.mem[b.used:]
}

// atMark reports whether the view ends where the block's unused tail begins.
// A view that was trimmed at the back, or sliced short, does not.
func (c *Chunk) atMark() bool {
	b, n := c.blk, len(c.data)
	if n == 0 {
		return true // an empty view lies anywhere
	}
	return b.used >= n && &c.data[n-1] == &b.mem[b.used-1]
}

// Extend lengthens the view by the n bytes that were written into Room. It
// panics when Room is shorter than n.
func (c *Chunk) Extend(n int) {
	c.mustOwn("Extend")
	c.extend(n)
}

func (c *Chunk) extend(n int) {
	if room := len(c.Room()); n < 0 || n > room {
		panic(fmt.Sprintf("buffers: Extend(%d) of a chunk with room for %d", n, room))
	}
	if n == 0 {
		return // the view need not end at the mark, and must not move there
	}
	b := c.blk
	start := b.used - len(c.data)
	b.used += n
	c.data = b.mem[start:b.used:b.used]
}

// Slice returns a new view of bytes i to j of this one. It shares the block
// and has a release of its own; the block is reused after the last of them.
func (c *Chunk) Slice(i, j int) *Chunk {
	c.check("Slice")
	data := c.data[i:j:j]
	v := c.blk.share()
	v.data = data
	v.trace.taken()
	return v
}

// share returns another live view of the block, without data yet.
func (b *block) share() *Chunk {
	if b.pool == nil {
		b.refs.Add(1)
		return &Chunk{blk: b, state: stateLive}
	}
	p := b.pool
	p.mu.Lock()
	v := p.viewLocked(b)
	b.refs.Add(1)
	p.mu.Unlock()
	return v
}

// TrimFront drops the first n bytes from the view. It panics when there are
// fewer.
func (c *Chunk) TrimFront(n int) {
	c.mustOwn("TrimFront")
	c.data = c.data[n:]
}

// TrimBack drops the last n bytes from the view. It panics when there are
// fewer. The bytes do not become Room again: the used mark of the block stays.
func (c *Chunk) TrimBack(n int) {
	c.mustOwn("TrimBack")
	keep := len(c.data) - n
	c.data = c.data[:keep:keep]
}

// Next returns the chunk behind this one in its chain, nil at the end.
func (c *Chunk) Next() *Chunk {
	c.check("Next")
	return c.next
}

// Release gives the view up; the block goes back to its pool with the last
// view. Call it exactly once, from any goroutine. A second call panics as long
// as the node has not been handed out again (in the invariants build: always),
// and so does the release of a chunk that a chain owns.
func (c *Chunk) Release() {
	b := c.blk
	if c.state != stateLive {
		panic(c.misuse("Release"))
	}
	if b.pool == nil {
		c.unwrap()
		return
	}
	p := b.pool
	if p.scrubs && b.refs.Load() == 1 {
		b.scrub() // before the lock: a wipe takes longer than all else
	}
	p.mu.Lock()
	ok := p.putLocked(c, stateLive)
	p.mu.Unlock()
	if !ok {
		panic(c.misuse("Release"))
	}
}

// check panics on use after release, in the invariants build alone.
func (c *Chunk) check(op string) {
	if invariants && c.state == stateFree {
		panic(c.misuse(op))
	}
}

// mustOwn panics unless the caller can own the chunk: it is out, and in no chain.
func (c *Chunk) mustOwn(op string) {
	if c.state != stateLive {
		panic(c.misuse(op))
	}
}

func (c *Chunk) misuse(op string) string {
	switch {
	case c.blk == nil:
		return "buffers: " + op + " of a Chunk that no pool made"
	case c.state == stateChained:
		return "buffers: " + op + " of a chunk that is in a chain"
	case op == "Release":
		op = "second Release"
	}
	if stack := c.trace.releaseStack(); stack != "" {
		return "buffers: " + op + " of a chunk that was released at:" + stack
	}
	return "buffers: " + op + " of a released chunk"
}

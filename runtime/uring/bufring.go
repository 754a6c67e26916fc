//go:build linux

package uring

import (
	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
)

// recvGroup is the buffer group of receives.
const recvGroup = 0

// recvRing keeps blocks of the pool in the kernel's hands, for receives to choose
// from. A buffer ID is a place in blocks; it is either with the kernel, which
// may write to its block, or in free.
type recvRing struct {
	ring    *ring.BufRing
	pool    *buffers.Pool
	class   int
	size    uint32
	blocks  []buffers.Block // by buffer ID
	free    []uint16        // buffer IDs without a block
	lent    []buffers.Block // scratch of refill
	limited bool            // the pool had less than refill wanted
}

func (b *recvRing) open(r *ring.Ring, group uint16, pool *buffers.Pool, count, size int) error {
	br, err := r.RegisterBufRing(uint16(count), group, 0)
	if err != nil {
		return err
	}
	b.ring, b.pool, b.class = br, pool, pool.ClassFor(size)
	b.size = uint32(min(size, pool.Classes()[b.class]))
	b.blocks = make([]buffers.Block, count)
	b.lent = make([]buffers.Block, count)
	b.free = make([]uint16, count)
	for i := range b.free {
		b.free[i] = uint16(i)
	}
	b.refill()
	return nil
}

// have returns how many buffers the kernel can choose from, once all completions
// are reaped.
func (b *recvRing) have() int { return len(b.blocks) - len(b.free) }

// refill lends the blocks that were used up anew, those released last first, and
// shows them to the kernel all at once.
func (b *recvRing) refill() {
	n := b.pool.LendN(b.class, b.lent[:len(b.free)])
	b.limited = n < len(b.free)
	if n == 0 {
		return
	}
	rest := len(b.free) - n
	for k, bid := range b.free[rest:] {
		block := b.lent[k]
		b.blocks[bid] = block
		b.ring.Add(block.Addr, b.size, bid)
	}
	b.free = b.free[:rest]
	b.ring.Advance()
}

// take ends the loan of a buffer that a completion used, with a chunk of its
// first n bytes.
func (b *recvRing) take(bid uint16, n int) *buffers.Chunk {
	c := b.pool.Chunk(b.blocks[bid], n)
	b.free = append(b.free, bid)
	return c
}

// drop takes back a buffer that a completion named without having filled it.
func (b *recvRing) drop(bid uint16) {
	b.pool.Unlend(b.blocks[bid])
	b.free = append(b.free, bid)
}

// close takes all blocks back. No request may be left that could write to them.
func (b *recvRing) close() error {
	if b.ring == nil {
		return nil
	}
	if err := b.ring.Close(); err != nil {
		return err
	}
	out := make([]bool, len(b.blocks))
	for _, bid := range b.free {
		out[bid] = true
	}
	for bid, block := range b.blocks {
		if !out[bid] {
			b.pool.Unlend(block)
		}
	}
	*b = recvRing{}
	return nil
}

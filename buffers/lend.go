package buffers

import "unsafe"

// Block is memory lent to the kernel, for a ring of provided buffers. Whoever
// lent it owns it until Pool.Chunk or Pool.Unlend; the kernel must be done
// with it by then. It is a plain value: keep it by buffer id.
type Block struct {
	Addr unsafe.Pointer // page memory outside the Go heap where the system can
	Size int            // bytes
	blk  *block
}

// Segment returns the index of the segment that holds the block.
func (b Block) Segment() int { return b.blk.seg.index }

// Lend takes a block of a class out of the pool for the kernel to write into.
// ok is false when the budget is spent or the pool is closed.
func (p *Pool) Lend(class int) (b Block, ok bool) {
	var one [1]Block
	n := p.LendN(class, one[:])
	return one[0], n == 1
}

// LendN lends up to len(dst) blocks of a class under one lock and returns how
// many; fewer when the budget is spent or the pool is closed.
func (p *Pool) LendN(class int, dst []Block) int {
	n := p.lendFree(class, dst)
	for n < len(dst) {
		if p.grow(class, func(b *block) { dst[n] = p.lendLocked(b) }) == nil {
			p.fail()
			break
		}
		n++
		n += p.lendFree(class, dst[n:])
	}
	for _, b := range dst[:n] {
		b.blk.reuse()
	}
	return n
}

// lendFree lends free blocks, as many as there are.
func (p *Pool) lendFree(class int, dst []Block) (n int) {
	cl := &p.classes[class]
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; n < len(dst); n++ {
		b := p.takeLocked(cl)
		if b == nil {
			break
		}
		dst[n] = p.lendLocked(b)
	}
	return n
}

func (p *Pool) lendLocked(b *block) Block {
	b.lent = true
	p.classes[b.class].lent++
	p.lent++
	return Block{Addr: unsafe.Pointer(unsafe.SliceData(b.mem)), Size: len(b.mem), blk: b}
}

// Chunk ends a loan with a chunk of the first n bytes, which the kernel
// filled. The caller owns the chunk; the rest of the block is its Room. It
// panics when the block is not lent or n exceeds it.
func (p *Pool) Chunk(b Block, n int) *Chunk {
	blk := b.blk
	data := blk.mem[:n:n]
	p.mu.Lock()
	if !p.endLoanLocked(blk) {
		p.mu.Unlock()
		panic("buffers: Chunk of a block that is not lent")
	}
	c := p.openLocked(blk)
	p.mu.Unlock()
	blk.used = max(blk.used, n)
	c.data, c.state = data, stateLive
	return c
}

// Share returns a view of n bytes at off of a block that stays lent: the
// kernel goes on filling the rest, as it does with incrementally consumed
// buffers. When the kernel is done with the block, Unlend it; the last view
// then frees it. It panics when the block is not lent or the range exceeds it.
func (p *Pool) Share(b Block, off, n int) *Chunk {
	blk := b.blk
	data := blk.mem[off : off+n : off+n]
	if !blk.lent {
		panic("buffers: Share of a block that is not lent")
	}
	c := blk.share()
	blk.used = max(blk.used, off+n)
	c.data = data
	return c
}

// Unlend takes a lent block back unused, or used by Share alone. The kernel
// must not write into it any more. It panics when the block is not lent.
func (p *Pool) Unlend(b Block) {
	p.mu.Lock()
	if !p.endLoanLocked(b.blk) {
		p.mu.Unlock()
		panic("buffers: Unlend of a block that is not lent")
	}
	b.blk.last.released()
	p.dropLocked(b.blk)
	p.mu.Unlock()
}

func (p *Pool) endLoanLocked(b *block) bool {
	if !b.lent {
		return false
	}
	b.lent = false
	p.classes[b.class].lent--
	p.lent--
	return true
}

package buffers

import (
	"errors"
	"slices"
)

// Segment is one mapped piece of a pool's memory, valid only while the segment is pinned
// or a chunk of it is out: otherwise Trim, a Get that finds the budget spent, and Close
// unmap it at any time. Index is small and dense; it is used again after that.
type Segment struct {
	Index  int
	Memory []byte
}

type segment struct {
	index  int
	mem    []byte
	blocks []block
	idle   int  // free blocks, counted by Trim under the pool's lock
	pinned bool // an engine registered the memory: its pages must stay
}

// Segments returns the segments that are mapped now, by ascending index. Nothing keeps
// them mapped: see Segment for how long their memory is valid.
func (p *Pool) Segments() []Segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Segment
	for _, s := range p.segments {
		if s != nil {
			list = append(list, Segment{s.index, s.mem})
		}
	}
	return list
}

// SegmentOf returns the index of the segment that holds a chunk of this pool; ok is
// false for other pools' chunks and wrapped memory.
func (p *Pool) SegmentOf(c *Chunk) (index int, ok bool) {
	c.check("SegmentOf")
	if c.blk.pool != p {
		return 0, false
	}
	return c.blk.seg.index, true
}

// Pin keeps a segment mapped, with its pages, until Unpin or Close, and returns its
// memory: an engine that registers it has the kernel hold on to these very pages.
// A chunk of the segment must be out meanwhile, or Pin may find the segment gone, and
// return nil. Pinning twice counts once.
func (p *Pool) Pin(index int) []byte {
	p.growMu.Lock()
	defer p.growMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.segments[index]
	if s == nil {
		return nil
	}
	s.pinned = true
	return s.mem
}

// Unpin lets Trim have the segment again, after the kernel has let go of it.
func (p *Pool) Unpin(index int) {
	p.growMu.Lock()
	defer p.growMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.segments[index]; s != nil {
		s.pinned = false
	}
}

// grow maps a segment for a class and takes a block of it, or one that was
// released meanwhile. It returns nil when budget or system give nothing.
//
// use makes the block count, as a view or a loan, before the lock is given up: one
// that did not count would be unmapped once the pool is closed.
func (p *Pool) grow(class int, use func(*block)) *block {
	p.growMu.Lock()
	defer p.growMu.Unlock()
	cl := &p.classes[class]
	p.mu.Lock()
	b, closed := p.takeLocked(cl), p.closed
	if b != nil {
		use(b)
	}
	p.mu.Unlock()
	if b != nil || closed {
		return b
	}
	s, err := p.mapSegment(class)
	if err != nil {
		p.mu.Lock()
		p.mapErr = err
		p.mu.Unlock()
	}
	if s == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publishLocked(s, cl)
	b = p.takeLocked(cl)
	use(b)
	return b
}

// mapSegment maps and carves a segment. It returns nil and no error when the
// budget is spent, even after unmapping what this pool has idle.
func (p *Pool) mapSegment(class int) (*segment, error) {
	blockSize := p.classes[class].size
	size, unit := p.cfg.segmentSize(blockSize)
	granted := p.cfg.Budget.reserve(int64(size), int64(unit))
	if granted == 0 && p.unmapIdle() > 0 {
		granted = p.cfg.Budget.reserve(int64(size), int64(unit))
	}
	if granted == 0 {
		return nil, nil
	}
	align := 0
	if p.cfg.HugePages && int(granted) == size {
		align = hugePageSize
	}
	mem, err := mapMemory(int(granted), align)
	if err != nil {
		p.cfg.Budget.giveBack(granted)
		return nil, err
	}
	if p.cfg.HugePages {
		adviseHuge(mem)
	}
	s := &segment{index: p.freeIndex(), mem: mem, blocks: make([]block, len(mem)/blockSize)}
	for i := range s.blocks {
		b := &s.blocks[i]
		lo, hi := i*blockSize, (i+1)*blockSize
		b.mem, b.class, b.seg, b.pool, b.first.blk = mem[lo:hi:hi], uint8(class), s, p, b
		b.clean = true
		b.refs.Store(1)
	}
	return s, nil
}

// freeIndex returns the lowest index without a segment. growMu is held, so
// that nobody else takes it.
func (p *Pool) freeIndex() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.segments, nil); i >= 0 {
		return i
	}
	return len(p.segments)
}

// publishLocked adds a segment's blocks to the free stack, lowest on top.
func (p *Pool) publishLocked(s *segment, cl *class) {
	if s.index == len(p.segments) {
		p.segments = append(p.segments, nil)
	}
	p.segments[s.index] = s
	p.mapped += int64(len(s.mem))
	cl.total += len(s.blocks)
	cl.free = slices.Grow(cl.free, cl.total-len(cl.free))
	for i := len(s.blocks) - 1; i >= 0; i-- {
		cl.free = append(cl.free, &s.blocks[i])
	}
}

// forgetLocked takes a segment out of the books; its blocks must be off the
// free stack. The caller then unmaps it with unmap.
func (p *Pool) forgetLocked(s *segment) {
	p.segments[s.index] = nil
	p.mapped -= int64(len(s.mem))
	p.classes[s.blocks[0].class].total -= len(s.blocks)
}

// unmap gives forgotten segments back to the system and the budget.
func (p *Pool) unmap(list []*segment) (bytes int64, err error) {
	for _, s := range list {
		n := int64(len(s.mem))
		if e := unmapMemory(s.mem); e != nil {
			err = errors.Join(err, e) // still mapped, so still on the budget
			continue
		}
		p.cfg.Budget.giveBack(n)
		bytes += n
	}
	return bytes, err
}

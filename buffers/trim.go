package buffers

import (
	"os"
	"slices"
)

// Trim gives memory that nothing uses back to the system and returns how many
// bytes: it unmaps the segments whose blocks are all free, and drops the pages
// of free blocks in the others. Pinned segments are left alone, since the
// kernel holds the very pages that it registered. Call it when a loop has been
// idle, not per message: the next gets pay with page faults.
func (p *Pool) Trim() int64 {
	p.growMu.Lock()
	defer p.growMu.Unlock()
	bytes := p.unmapIdle()
	for class := range p.classes {
		bytes += p.dropIdlePages(class)
	}
	return bytes
}

// unmapIdle unmaps the segments that are wholly free and not pinned. The
// caller holds growMu.
func (p *Pool) unmapIdle() int64 {
	p.mu.Lock()
	p.markIdleLocked()
	var idle []*segment
	for _, s := range p.segments {
		if s != nil && !s.pinned && s.idle == len(s.blocks) {
			idle = append(idle, s)
		}
	}
	if len(idle) > 0 {
		for i := range p.classes {
			cl := &p.classes[i]
			cl.free = slices.DeleteFunc(cl.free, func(b *block) bool {
				return !b.seg.pinned && b.seg.idle == len(b.seg.blocks)
			})
		}
	}
	for _, s := range idle {
		p.forgetLocked(s)
	}
	p.mu.Unlock()
	bytes, err := p.unmap(idle)
	p.noteError(err)
	return bytes
}

// markIdleLocked counts the free blocks of every segment.
func (p *Pool) markIdleLocked() {
	for _, s := range p.segments {
		if s != nil {
			s.idle = 0
		}
	}
	for i := range p.classes {
		for _, b := range p.classes[i].free {
			b.seg.idle++
		}
	}
}

// dropIdlePages takes the free blocks of a class that are not pinned off the
// stack, drops their pages without holding the lock, and puts them back at the
// bottom: they are cold now. A Get meanwhile waits on growMu, which the caller
// holds.
func (p *Pool) dropIdlePages(class int) (bytes int64) {
	cl := &p.classes[class]
	var segs []*segment
	var cold []*block
	p.mu.Lock()
	cl.free = slices.DeleteFunc(cl.free, func(b *block) bool {
		if b.seg.pinned {
			return false
		}
		b.idle = true
		cold = append(cold, b)
		return true
	})
	for _, s := range p.segments {
		if s != nil && !s.pinned && int(s.blocks[0].class) == class {
			segs = append(segs, s)
		}
	}
	p.mu.Unlock()

	for _, s := range segs {
		bytes += p.dropRuns(s, cl.size)
	}

	p.mu.Lock()
	for _, b := range cold {
		b.idle, b.poison = false, false
	}
	cl.free = slices.Insert(cl.free, 0, cold...)
	p.mu.Unlock()
	return bytes
}

// dropRuns drops the whole pages under every run of idle neighbours.
func (p *Pool) dropRuns(s *segment, blockSize int) (bytes int64) {
	page := os.Getpagesize()
	for i := 0; i < len(s.blocks); i++ {
		if !s.blocks[i].idle {
			continue
		}
		first := i
		for i < len(s.blocks) && s.blocks[i].idle {
			i++
		}
		lo, hi := roundUp(first*blockSize, page), i*blockSize/page*page
		if lo >= hi {
			continue
		}
		if err := dropPages(s.mem[lo:hi]); err != nil {
			p.noteError(err)
			continue
		}
		bytes += int64(hi - lo)
	}
	return bytes
}

// noteError keeps the first error of giving memory back for Stats and Close.
func (p *Pool) noteError(err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unmapErr == nil {
		p.unmapErr = err
	}
}

package buffers

import "fmt"

// LeakError reports what was still out when a pool was closed.
type LeakError struct {
	Chunks int      // views not released
	Lent   int      // blocks not taken back from the kernel
	Stacks []string // where each chunk was taken; filled by -tags invariants
}

// Error implements error; it carries the stacks.
func (e *LeakError) Error() string {
	s := fmt.Sprintf("buffers: pool closed with %d chunks and %d lent blocks out", e.Chunks, e.Lent)
	for _, stack := range e.Stacks {
		s += "\nchunk taken at:" + stack
	}
	return s
}

// Close unmaps the pool's memory; later gets return nil. When chunks or lent
// blocks are out it returns a *LeakError and leaves the memory of their
// segments mapped, and the last of them to come back unmaps it. Close may be
// called again, to see whether all came back.
//
// An engine that registered the memory closes its ring first.
func (p *Pool) Close() error {
	p.growMu.Lock()
	defer p.growMu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.markIdleLocked()
		for i := range p.classes {
			p.classes[i].free = nil
		}
		p.unmapLocked(func(s *segment) bool { return s.idle == len(s.blocks) })
	}
	if p.views > 0 || p.lent > 0 {
		return &LeakError{Chunks: p.views, Lent: p.lent, Stacks: p.tracker.stacks()}
	}
	return p.unmapErr
}

// unmapLeftLocked unmaps what Close had to leave, once nothing is out.
func (p *Pool) unmapLeftLocked() {
	if p.views == 0 && p.lent == 0 {
		p.unmapLocked(func(*segment) bool { return true })
	}
}

func (p *Pool) unmapLocked(which func(*segment) bool) {
	var list []*segment
	for _, s := range p.segments {
		if s != nil && which(s) {
			list = append(list, s)
			p.forgetLocked(s)
		}
	}
	if _, err := p.unmap(list); err != nil && p.unmapErr == nil {
		p.unmapErr = err
	}
}

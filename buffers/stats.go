package buffers

// PoolStats is a snapshot of a pool.
type PoolStats struct {
	Classes  []ClassStats
	Chunks   int    // views out
	Segments int    // mapped now
	Mapped   int64  // bytes mapped now
	Failed   uint64 // gets and lends that found no memory
	Err      error  // the last refusal of the system to map memory, or the first to unmap it
}

// ClassStats is the part of PoolStats about one size class.
type ClassStats struct {
	BlockSize int // bytes
	Blocks    int // all there are
	InUse     int // not free: under views or lent
	Lent      int // with the kernel; part of InUse
	Peak      int // the most that were ever in use
}

// Stats returns a snapshot. It allocates and takes the pool's lock briefly.
func (p *Pool) Stats() PoolStats {
	s := PoolStats{Classes: make([]ClassStats, len(p.classes))}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.classes {
		cl := &p.classes[i]
		s.Classes[i] = ClassStats{cl.size, cl.total, cl.inUse, cl.lent, cl.peak}
	}
	for _, seg := range p.segments {
		if seg != nil {
			s.Segments++
		}
	}
	s.Chunks, s.Mapped, s.Failed, s.Err = p.views, p.mapped, p.failed, p.mapErr
	if s.Err == nil {
		s.Err = p.unmapErr
	}
	return s
}

package buffers

// Wrap returns a chunk that views the caller's own memory without copying it,
// from one byte to hundreds of megabytes. The memory must not change until
// release is called, once, on the goroutine that gives up the last view;
// release may be nil. It must not block: that goroutine can be a loop.
//
// A wrapped chunk has no Room and no Segment, and no budget counts it. Wrap
// and each Slice of the result allocate once.
func Wrap(p []byte, release func()) *Chunk {
	b := &block{mem: p, used: len(p), release: release}
	b.refs.Store(1)
	c := &b.first
	c.blk, c.data, c.state = b, p[:len(p):len(p)], stateLive
	c.trace.taken()
	return c
}

// unwrap releases a view of wrapped memory.
func (c *Chunk) unwrap() {
	b := c.blk
	c.trace.released()
	c.state, c.data, c.next = stateFree, nil, nil
	if b.refs.Add(-1) > 0 {
		return
	}
	release := b.release
	b.mem, b.release = nil, nil
	if release != nil {
		release()
	}
}

package buffers

import "bytes"

// Peek returns the first n bytes as one slice, and false when the chain is
// shorter. It consumes nothing, and the slice is valid until the chain changes.
//
// Bytes that lie in one chunk are returned where they are, without copying or
// allocating. Bytes that cross chunks are first pulled together at the front
// of the chain: into the Room of the first chunk, or a chunk of the first
// one's pool, or the Go heap when the pool has none that large. The
// next Peek finds them joined, so parsing a header piece by piece stays cheap.
func (h *Chain) Peek(n int) ([]byte, bool) {
	if n < 0 || n > h.n {
		return nil, false
	}
	if n == 0 {
		return nil, true
	}
	h.dropEmpty()
	if n > len(h.head.data) {
		h.pullUp(n)
	}
	return h.head.data[:n:n], true
}

// dropEmpty releases the chunks without bytes at the front of a chain that
// has bytes.
func (h *Chain) dropEmpty() {
	for len(h.head.data) == 0 {
		h.Pop().Release()
	}
}

// pullUp makes the first n bytes contiguous; they cross chunks.
func (h *Chain) pullUp(n int) {
	need := n - len(h.head.data)
	if room := h.head.Room(); len(room) >= need {
		c := h.Pop()
		h.CopyTo(room[:need])
		c.extend(need)
		h.Discard(need)
		h.Prepend(c)
		return
	}
	c := h.head.blk.pool.getWhole(n)
	if c == nil {
		c = Wrap(make([]byte, n), nil)
		h.CopyTo(c.data)
	} else {
		h.CopyTo(c.Room()[:n])
		c.extend(n)
	}
	h.Discard(n)
	h.Prepend(c)
}

// getWhole returns an empty chunk with room for all of n, or nil.
func (p *Pool) getWhole(n int) *Chunk {
	if p == nil || n > p.classes[len(p.classes)-1].size {
		return nil
	}
	return p.Get(n)
}

// IndexByte returns the offset of the first b, or -1.
func (h *Chain) IndexByte(b byte) int {
	off := 0
	for c := h.head; c != nil; c = c.next {
		if i := bytes.IndexByte(c.data, b); i >= 0 {
			return off + i
		}
		off += len(c.data)
	}
	return -1
}

// Index returns the offset of the first sep, wherever chunks part it, or -1.
// An empty sep is found at 0.
func (h *Chain) Index(sep []byte) int { return h.IndexFrom(sep, 0) }

// IndexFrom is Index for places from offset from on: who searched before, and got
// more since, need not search all of it again. An empty sep is found at from.
func (h *Chain) IndexFrom(sep []byte, from int) int {
	if len(sep) == 0 {
		return from
	}
	off := 0
	for c := h.head; c != nil; c = c.next {
		start := max(0, from-off)
		if start < len(c.data) {
			if i := bytes.Index(c.data[start:], sep); i >= 0 {
				return off + start + i
			}
		}
		for i := max(start, len(c.data)-len(sep)+1); i < len(c.data); i++ {
			if c.data[i] == sep[0] && c.matches(i, sep) {
				return off + i
			}
		}
		off += len(c.data)
	}
	return -1
}

// matches reports whether sep begins at byte i of c and goes on in the chunks
// behind it.
func (c *Chunk) matches(i int, sep []byte) bool {
	p := c.data[i:]
	for {
		k := min(len(p), len(sep))
		if !bytes.Equal(p[:k], sep[:k]) {
			return false
		}
		if sep = sep[k:]; len(sep) == 0 {
			return true
		}
		if c = c.next; c == nil {
			return false
		}
		p = c.data
	}
}

package buffers

// Reserve returns the writable room at the end of the chain, at least n bytes of
// it: that of the last chunk if it is enough, else that of a new chunk from p.
// Extend makes the bytes written there part of the chain. It returns nil when the
// budget of p is spent, and less than n bytes when no block is so large: then the
// room of a whole block. An n of zero or less asks for any room.
func (h *Chain) Reserve(p *Pool, n int) []byte {
	if h.tail != nil {
		most := p.classes[len(p.classes)-1].size
		// More than most can not be had: without the bound each call would add a chunk.
		if room := h.tail.Room(); len(room) >= min(max(n, 1), most) {
			return room
		}
	}
	c := p.Get(n)
	if c == nil {
		return nil
	}
	h.Append(c)
	return c.Room()
}

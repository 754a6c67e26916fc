package buffers

import "iter"

// Chain is a list of chunks: bytes in order, in as many pieces as they came.
// The zero value is empty. A chain owns its chunks; appending a chunk, or
// passing the chain on by value, moves the ownership, and the former owner
// must not use it any more (TakeAll leaves an empty chain behind to go on
// with). Not safe for concurrent use.
//
// The chunks of a chain must not be trimmed, extended or released on their
// own; those methods panic. Chunks without bytes are allowed: they bring Room.
type Chain struct {
	head, tail *Chunk
	n          int // bytes
	held       int // bytes of the pools' blocks
	count      int // chunks
}

// Append moves c to the end of the chain. It panics when c is released or in
// a chain already.
func (h *Chain) Append(c *Chunk) {
	c.mustOwn("Append")
	c.state = stateChained
	if h.tail == nil {
		h.head = c
	} else {
		h.tail.next = c
	}
	h.tail = c
	h.count++
	h.n += len(c.data)
	h.held += c.blk.weight()
}

// Prepend moves c to the front of the chain. It panics when c is released or
// in a chain already.
func (h *Chain) Prepend(c *Chunk) {
	c.mustOwn("Prepend")
	c.state = stateChained
	c.next = h.head
	h.head = c
	if h.tail == nil {
		h.tail = c
	}
	h.count++
	h.n += len(c.data)
	h.held += c.blk.weight()
}

// AppendChain moves all chunks of src to the end, in constant time, and leaves
// src empty. Appending a chain to itself changes nothing.
func (h *Chain) AppendChain(src *Chain) {
	if src == h || src.head == nil {
		return
	}
	if h.tail == nil {
		*h = src.TakeAll()
		return
	}
	h.tail.next = src.head
	h.tail = src.tail
	h.n += src.n
	h.held += src.held
	h.count += src.count
	*src = Chain{}
}

// TakeAll moves everything out; h is empty afterwards.
func (h *Chain) TakeAll() Chain {
	all := *h
	*h = Chain{}
	return all
}

// Pop moves the first chunk out to the caller, who owns it then; nil when
// there is none.
func (h *Chain) Pop() *Chunk {
	c := h.head
	if c == nil {
		return nil
	}
	h.head = c.next
	if h.head == nil {
		h.tail = nil
	}
	h.count--
	h.n -= len(c.data)
	h.held -= c.blk.weight()
	c.next = nil
	c.state = stateLive
	return c
}

// Extend lengthens the last chunk by the n bytes that were written into the
// Room of Tail. It panics when there is no such room.
func (h *Chain) Extend(n int) {
	if h.tail == nil {
		panic("buffers: Extend of an empty chain")
	}
	h.tail.extend(n)
	h.n += n
}

// Split moves the first n bytes out. A chunk that the cut divides is shared by
// both sides, without copying. It panics when the chain is shorter.
func (h *Chain) Split(n int) Chain {
	h.mustHave("Split", n)
	if n == 0 {
		return Chain{}
	}
	if n == h.n {
		return h.TakeAll()
	}
	front := h.takeWhole(n)
	if rest := n - front.n; rest > 0 {
		front.Append(h.head.Slice(0, rest))
		h.trimHead(rest)
	}
	return front
}

// Discard releases the first n bytes. It panics when the chain is shorter.
func (h *Chain) Discard(n int) {
	h.mustHave("Discard", n)
	if n == 0 {
		return
	}
	if n < len(h.head.data) {
		h.trimHead(n) // a partial send: the common case
		return
	}
	front := h.takeWhole(n)
	rest := n - front.n
	front.Release()
	h.trimHead(rest)
}

// takeWhole moves out the chunks that lie wholly in the first n bytes.
func (h *Chain) takeWhole(n int) Chain {
	var front Chain
	for c := h.head; c != nil && len(c.data) <= n-front.n; c = c.next {
		front.n += len(c.data)
		front.held += c.blk.weight()
		front.count++
		front.tail = c
		if front.n == n {
			break
		}
	}
	if front.tail == nil {
		return front
	}
	front.head, h.head = h.head, front.tail.next
	front.tail.next = nil
	if h.head == nil {
		h.tail = nil
	}
	h.n -= front.n
	h.held -= front.held
	h.count -= front.count
	return front
}

// trimHead drops n bytes, fewer than the first chunk has.
func (h *Chain) trimHead(n int) {
	if n > 0 {
		h.head.data = h.head.data[n:]
		h.n -= n
	}
}

func (h *Chain) mustHave(op string, n int) {
	if n < 0 || n > h.n {
		panic("buffers: " + op + " beyond the chain's length")
	}
}

// Release releases all chunks, taking each pool's lock once for neighbours of
// that pool, and leaves the chain empty. Releasing an empty chain is fine.
func (h *Chain) Release() {
	c := h.head
	*h = Chain{}
	release(c)
}

// Len returns the number of bytes.
func (h *Chain) Len() int { return h.n }

// Chunks returns the number of chunks, empty ones included.
func (h *Chain) Chunks() int { return h.count }

// Empty reports whether there are no bytes. Such a chain can still hold
// chunks without bytes, to be released like all others.
func (h *Chain) Empty() bool { return h.n == 0 }

// Held returns the bytes of pooled blocks that the chain keeps from being reused: a
// chunk of one byte holds its whole block. Backpressure counts these. A block
// that several views share counts once for each; wrapped memory does not count.
func (h *Chain) Held() int { return h.held }

// Front returns the first chunk, nil when there is none. The chain still owns it.
func (h *Chain) Front() *Chunk { return h.head }

// Tail returns the last chunk, nil when there is none. The chain still owns
// it; its Room can be written into, and then Chain.Extend.
func (h *Chain) Tail() *Chunk { return h.tail }

// All ranges over the chunks, which stay the chain's. The chain must not
// change meanwhile.
func (h *Chain) All() iter.Seq[*Chunk] {
	return func(yield func(*Chunk) bool) {
		for c := h.head; c != nil; c = c.next {
			if !yield(c) {
				return
			}
		}
	}
}

//go:build linux

package uring

import "github.com/headrace/headrace/ring"

// A peer that fills one receive buffer after the other gets larger ones. They are no
// good for everybody: messages of 16 KiB in them spread over more memory than the
// caches hold. docs/design.md has the figures.

const (
	bulkBuffers = 16
	bulkSize    = 64 << 10

	// A receive changes over when bulkAfter buffers more were too small than were not,
	// and back when a usual one had been enough bulkOver times more than not.
	bulkAfter = 4
	bulkOver  = 8
)

// supply tells where the buffers of a receive come from, and where it waits for them.
func (e *engine) supply(s *slot) (buffers *recvRing, group uint16, line where) {
	if s.flags&bulky != 0 {
		return &e.bulk, bulkGroup, inStarvedBulk
	}
	return &e.recv, recvGroup, inStarved
}

// judge looks at what a receive brought and decides about its buffers. Slot.want
// counts what speaks against those it uses: that more was there than went into one,
// or that a usual one had been enough.
func (e *engine) judge(i uint32, s *slot, c ring.CQE) {
	bulk := s.flags&bulky != 0
	if bulk != (e.ringOf(c.BufferID()) == &e.bulk) {
		return // of the request before
	}
	against, limit := uint32(c.Res) == e.recv.size && c.SockNonempty(), bulkAfter
	if bulk {
		against, limit = uint32(c.Res) <= e.recv.size, bulkOver
	}
	if !against {
		s.want = max(0, s.want-1)
		return
	}
	if s.want++; s.want < limit {
		return
	}
	s.want = 0
	if !bulk && !e.openBulk() {
		return
	}
	s.flags ^= bulky
	e.socks[s.fd].bulky = !bulk
	if c.More() && s.where == nowhere && s.flags&canceled == 0 {
		e.slots.push(inCancels, i) // it ends, and is armed anew
	}
}

// openBulk makes the ring of large buffers when it is first needed. It is false where
// there is none, or the pool has too little memory for it.
func (e *engine) openBulk() bool {
	if e.bulkLeaves {
		return false
	}
	if e.bulk.ring == nil && !e.noBulk {
		large := e.pool.Classes()[e.pool.ClassFor(bulkSize)]
		e.noBulk = uint32(large) < 2*e.recv.size ||
			e.bulk.open(e.ring, bulkGroup, e.pool, bulkBuffers, bulkSize) != nil
	}
	return !e.noBulk && !e.bulk.limited
}

// trimBulk has everybody go on with the usual buffers, so that the large ones can go
// back to the pool when the last request on them has ended.
func (e *engine) trimBulk() {
	if e.bulk.ring == nil {
		return
	}
	e.bulkLeaves = true
	for fd := range e.socks {
		e.socks[fd].bulky = false
	}
	for i := range e.slots.all {
		s := &e.slots.all[i]
		if s.flags&bulky == 0 {
			continue
		}
		s.flags &^= bulky
		s.want = 0
		switch {
		case s.where == inStarvedBulk:
			e.slots.remove(uint32(i))
			e.lineUp(uint32(i), s)
		case s.flags&(armed|canceled) == armed && s.where == nowhere:
			e.slots.push(inCancels, uint32(i))
		}
	}
}

// closeBulk gives the large buffers back once no request can take one.
func (e *engine) closeBulk() {
	if e.bulk.armed != 0 {
		return
	}
	e.bulkLeaves = false
	if err := e.bulk.close(); err != nil {
		e.log.Warn("uring: the large receive buffers stay", "loop", e.loop, "err", err)
		return
	}
	e.pool.Trim() // the loop is idle, and has trimmed the rest
}

// narrow has receives that wait for large buffers go on with the usual ones, if there
// is no memory for more of the large.
func (e *engine) narrow() {
	for e.bulk.limited && e.slots.lists[inStarvedBulk].n != 0 {
		i := e.slots.pop(inStarvedBulk)
		s := &e.slots.all[i]
		s.flags &^= bulky
		s.want = 0
		e.lineUp(i, s)
	}
}

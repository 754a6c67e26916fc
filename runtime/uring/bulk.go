//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// A peer that has more waiting than a receive buffer holds, time and again, is received
// from by Poll: the ring waits until its socket has something, and recv(2) takes it, in
// larger pieces, of a bounded number of bytes a turn. The kernel would receive from
// twenty such peers before the first byte is sent on, and by then it has left the
// caches. It is no good for everybody: a small message costs a request more than with
// multishot, and of 16 KiB it spreads over more memory. docs/design.md has the figures.

const (
	bulkSize = 64 << 10
	// bulkTurn is how many bytes are received so until the handlers have their turn.
	bulkTurn = 256 << 10

	// A receive changes over when bulkAfter buffers more were too small than were not,
	// and back when a usual one had been enough bulkOver times more than not.
	bulkAfter = 4
	bulkOver  = 8
	// bulkNever is how much longer it takes where there was no memory.
	bulkNever = 64
)

// judge looks at what a multishot receive brought. Slot.want counts what speaks against
// it: that more was there than went into a buffer.
func (e *engine) judge(i uint32, s *slot, c ring.CQE) {
	switch {
	case s.flags&bulky != 0 || uint32(c.Res) == e.recv.size && !c.SockNonempty():
		return // it ends; it was just enough
	case uint32(c.Res) < e.recv.size:
		if s.want > 0 {
			s.want--
		}
		return
	}
	if s.want++; s.want < bulkAfter || e.recv.limited || e.recv.size > bulkSize/2 {
		return
	}
	e.setBulky(s, true)
	if c.More() && s.where == nowhere && s.flags&canceled == 0 {
		e.slots.push(inCancels, i) // it ends, and goes on as a poll
	}
}

// judgeBulk looks at what recv(2) brought: slot.want counts what a usual buffer holds.
func (e *engine) judgeBulk(s *slot, n int) {
	if n > int(e.recv.size) {
		s.want = max(0, s.want-1)
	} else if s.want++; s.want >= bulkOver {
		e.setBulky(s, false)
	}
}

func (e *engine) setBulky(s *slot, bulk bool) {
	s.want = 0
	s.flags &^= bulky
	if bulk {
		s.flags |= bulky
	}
	e.socks[s.fd].bulky = bulk
}

// armReadable waits until there is something to receive.
func (e *engine) armReadable(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	sqe.PrepPollAdd(int(s.fd), unix.POLLIN|unix.POLLRDHUP)
	sqe.UserData = userData(s.gen, tagOp|i)
	s.flags |= polled
	return true
}

// readable has Poll receive, in the order of arrival.
func (e *engine) readable(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	switch {
	case c.Res < 0:
		e.recvEnded(i, c.Res)
	case e.unwanted(s):
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
	default:
		e.slots.push(inReadable, i)
	}
}

// receiveBulk receives from those that have something, for as long as the turn's bytes
// last.
func (e *engine) receiveBulk() {
	for left := bulkTurn; left > 0 && e.slots.lists[inReadable].n != 0; {
		left -= e.receiveFrom(e.slots.pop(inReadable), left)
	}
}

// receiveFrom takes all that a socket has, so that the handler has it in one piece: in
// turns with others, messages of 256 KiB cost a third more. What is left when the
// turn's bytes are used up waits behind the others.
func (e *engine) receiveFrom(i uint32, left int) (sum int) {
	for sum < left {
		n, more := e.receivePiece(i)
		if sum += n; !more {
			return sum
		}
	}
	e.slots.push(inReadable, i)
	return sum
}

// receivePiece reports whether there may be more, and that it left the slot to its
// caller then.
func (e *engine) receivePiece(i uint32) (n int, more bool) {
	s := &e.slots.all[i]
	if e.unwanted(s) {
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
		return 0, false
	}
	chunk := e.pool.Get(bulkSize)
	if chunk == nil {
		e.setBulky(s, false)
		s.want = -bulkNever
		e.start(i)
		return 0, false
	}
	room := chunk.Room()
	n, errno := sock.Recv(s.fd, room)
	if n == 0 {
		chunk.Release()
		e.recvEnded(i, -int32(errno))
		return 0, false
	}
	chunk.Extend(n)
	e.stats.BytesIn += uint64(n)
	e.judgeBulk(s, n)
	e.deliver(s.op, driver.Result{Chunk: chunk})
	s = &e.slots.all[i] // the table may have grown
	if n == len(room) && s.flags&bulky != 0 {
		return n, true
	}
	e.rearm(i)
	return n, false
}

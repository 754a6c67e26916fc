//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// Who fills receive buffers, time and again, is received from by Poll: the ring waits
// until the socket has something, and recvmsg(2) takes it, of a bounded number of bytes
// a turn. The kernel would receive from twenty such peers before the first byte is sent
// on, and that has left the caches by then. Smaller messages are no dearer by
// multishot, which needs neither a request nor a system call for each. docs/design.md
// has the figures.

const (
	// bulkFrom is the size of messages from which on it pays. Of smaller buffers one
	// that is full says nothing, if nothing is left.
	bulkFrom = 16 << 10
	// bulkSize is how much goes beyond a usual buffer.
	bulkSize = 64 << 10
	// bulkTurn is how much one socket receives before others have their turn, and all of
	// them before the handlers have theirs; either may be passed by one piece.
	bulkTurn = 128 << 10

	// A receive changes over when bulkAfter buffers more were filled than were not, and
	// back when bulkOver pieces more did not fill one than did.
	bulkAfter = 4
	bulkOver  = 8
	// bulkNever is how many more it takes where there was no memory.
	bulkNever = 64
)

// judge looks at what a multishot receive brought. Slot.want counts the buffers that
// were filled.
func (e *engine) judge(i uint32, s *slot, c ring.CQE) {
	switch full := uint32(c.Res) == e.recv.size; {
	case s.flags&bulky != 0:
		return // it is about to end
	case !full || e.recv.size < bulkFrom && !c.SockNonempty():
		if s.want > 0 {
			s.want--
		}
		return
	}
	if s.want++; s.want < bulkAfter || e.recv.limited {
		return
	}
	e.setBulky(s, true)
	if c.More() && s.where == nowhere && s.flags&canceled == 0 {
		e.slots.push(inCancels, i) // it ends, and goes on as a poll
	}
}

// judgeBulk looks at what Poll received: slot.want counts what filled no usual buffer.
func (e *engine) judgeBulk(s *slot, n int) {
	if n >= int(e.recv.size) {
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
		s.flags |= untried
		e.slots.push(inReadable, i)
	}
}

// receiveBulk receives from those that have something, for as long as the turn's bytes
// last.
func (e *engine) receiveBulk() {
	for left := bulkTurn; left > 0 && e.slots.lists[inReadable].n != 0; {
		left -= e.receiveFrom(e.slots.pop(inReadable))
	}
	if e.beyond != nil {
		e.beyond.Release()
		e.beyond = nil
	}
}

// receiveFrom takes what a socket has, so that the handler has it in one piece. One that
// has too much for a turn goes behind the others.
func (e *engine) receiveFrom(i uint32) (sum int) {
	for sum < bulkTurn {
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
	usual, room, beyond := e.bulkRoom()
	if usual == nil {
		e.setBulky(s, false)
		s.want = -bulkNever
		e.start(i)
		return 0, false
	}
	n, errno := sock.RecvBoth(s.fd, room, beyond)
	if n == 0 {
		usual.Release()
		if errno == unix.EAGAIN && s.flags&untried == 0 {
			e.rearm(i) // the piece before was the last there is
		} else {
			e.recvEnded(i, -int32(errno))
		}
		return 0, false
	}
	s.flags = s.flags&^untried | fed
	e.stats.BytesIn += uint64(n)
	e.judgeBulk(s, n)
	op := s.op
	usual.Extend(min(n, len(room)))
	e.deliver(op, driver.Result{Chunk: usual})
	if n > len(room) {
		large := e.beyond
		e.beyond = nil
		large.Extend(n - len(room))
		e.deliver(op, driver.Result{Chunk: large})
	}
	s = &e.slots.all[i] // the table may have grown
	if n == len(room)+len(beyond) && s.flags&bulky != 0 {
		return n, true
	}
	e.rearm(i)
	return n, false
}

// bulkRoom returns a usual chunk with its room, and the room of e.beyond: a larger one
// for what the first does not hold, which waits for the next call if it held all. There
// is no chunk where memory is short.
func (e *engine) bulkRoom() (usual *buffers.Chunk, room, beyond []byte) {
	if e.beyond == nil {
		if e.beyond = e.pool.Get(bulkSize); e.beyond == nil {
			return nil, nil, nil
		}
	}
	if usual = e.pool.Get(int(e.recv.size)); usual == nil {
		return nil, nil, nil
	}
	return usual, usual.Room()[:e.recv.size], e.beyond.Room()
}

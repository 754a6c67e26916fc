//go:build linux

package uring

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

func (e *engine) armRecv(i uint32, s *slot) bool {
	if s.flags&bulky != 0 {
		return e.armReadable(i, s)
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	if s.flags&rationed != 0 || e.oneByOne(s) {
		sqe.PrepRecvSelect(int(s.fd), recvGroup, 0, 0)
	} else {
		sqe.PrepRecvMultishot(int(s.fd), recvGroup)
		sqe.Ioprio |= e.recvPrio
	}
	s.flags &^= fed
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// oneByOne tells that no multishot receive goes to a socket: see tryEnd.
func (e *engine) oneByOne(s *slot) bool {
	return !e.feats.multishotUnix && e.family(s.fd) == unix.AF_UNIX
}

// received handles a completion of Recv.
//
// A completion without F_MORE ends the request, not the operation: the kernel
// stops a multishot receive for reasons of its own, such as a full completion
// queue. What it carries is delivered also when the operation was cancelled.
func (e *engine) received(i uint32, s *slot, c ring.CQE) {
	if s.flags&polled != 0 {
		e.readable(i, s, c)
		return
	}
	if c.Res > 0 && c.HasBuffer() {
		chunk := e.recv.take(c.BufferID(), int(c.Res))
		e.stats.BytesIn += uint64(c.Res)
		s.flags |= fed
		e.judge(i, s, c)
		if c.More() {
			s.heard, e.watcher.unsure = heardLately, true
			e.deliver(s.op, driver.Result{Chunk: chunk})
			return
		}
		e.disarm(i)
		e.deliver(s.op, driver.Result{Chunk: chunk})
		e.receiveOn(i)
		return
	}
	if c.HasBuffer() {
		e.recv.drop(c.BufferID())
	}
	if !c.More() {
		e.disarm(i)
		e.recvEnded(i, c.Res)
	}
}

// recvEnded handles the end of a receive request that brought nothing.
func (e *engine) recvEnded(i uint32, res int32) {
	switch errno := unix.Errno(-res); errno {
	case 0:
		e.finish(i, driver.Result{Err: io.EOF})
	case unix.ENOBUFS:
		e.starve(i)
	case unix.ECANCELED:
		if e.leaving {
			e.finish(i, driver.Result{Err: driver.ErrCanceled})
			return
		}
		e.rearm(i) // unless the owner asked: look cancels, too
	default:
		e.failed(i, errno)
	}
}

// receiveOn arms a receive whose request ended with data. It leaves its place to
// those who wait, and to those who may turn out to wait in this very turn.
func (e *engine) receiveOn(i uint32) {
	s := &e.slots.all[i]
	scarce := e.slots.lists[inStarved].n != 0 || e.recv.limited && e.oneByOne(s)
	if scarce && s.flags&bulky == 0 && !e.unwanted(s) {
		e.lineUp(i, s)
		return
	}
	s.flags &^= rationed
	e.rearm(i)
}

// starve handles a receive that found no buffer.
func (e *engine) starve(i uint32) {
	e.stats.NoBuffers++
	s := &e.slots.all[i]
	if e.unwanted(s) {
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
		return
	}
	e.lineUp(i, s)
}

// lineUp puts a receive in line for buffers: at the end, or at the front if it
// went away empty, because others took them all in the same turn.
func (e *engine) lineUp(i uint32, s *slot) {
	e.socks[s.fd].starved = true
	if s.flags&fed != 0 {
		e.slots.push(inStarved, i)
	} else {
		e.slots.pushFront(inStarved, i)
	}
}

// feed arms receives that wait in line for buffers, as many as there are. Each may
// take one: a multishot receive would take them all, turn after turn, if its peer
// sends enough. (Not so a RecvFrom, which knows no other way. It goes behind those
// who got nothing.) If buffers are few though the pool has more, it waits for half
// of the ring to be refilled.
func (e *engine) feed() {
	have := e.recv.have()
	if !e.recv.limited && have < len(e.recv.blocks)/2 {
		return
	}
	for n := min(have, e.slots.lists[inStarved].n); n > 0; n-- {
		i := e.slots.lists[inStarved].head
		s := &e.slots.all[i]
		if s.op.Code == driver.Recv {
			s.flags |= rationed
		}
		if !e.arm(i) {
			return
		}
		e.slots.remove(i)
	}
}

// unstarve ends the receives in line on a socket that is closing.
func (e *engine) unstarve(fd int32) {
	if !e.socks[fd].starved {
		return
	}
	e.socks[fd].starved = false
	for i := e.slots.lists[inStarved].head; i != 0; {
		s := &e.slots.all[i]
		next := s.next
		if s.fd == fd {
			e.slots.remove(i)
			e.pend(i, 0, driver.ErrCanceled)
		}
		i = next
	}
}

func (e *engine) armRecvInto(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	// Never MSG_WAITALL: going on after a part, the kernel would take a reset off
	// the socket and tell of the part alone. The next receive would see an orderly end.
	rest := s.op.Buf[s.want:]
	sqe.PrepRecv(int(s.fd), rest[:min(len(rest), maxOneSend)], 0)
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// receivedInto handles a completion of RecvInto. With Full it goes on until
// the buffer is full: slot.want counts what came so far.
func (e *engine) receivedInto(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if c.Res > 0 {
		e.stats.BytesIn += uint64(c.Res)
		s.want += int(c.Res)
		if s.op.Full && s.want < len(s.op.Buf) {
			e.goOn(i)
			return
		}
		e.finish(i, driver.Result{N: s.want})
		return
	}
	switch err := unix.Errno(-c.Res); err {
	case 0:
		e.finish(i, driver.Result{N: s.want, Err: io.EOF})
	case unix.EAGAIN:
		e.later(i)
	case unix.EINTR:
		e.goOn(i)
	case unix.ECANCELED:
		e.finish(i, driver.Result{N: s.want, Err: driver.ErrCanceled})
	default:
		e.finish(i, driver.Result{N: s.want, Err: err})
	}
}

// goOn is rearm for an operation with a part done.
func (e *engine) goOn(i uint32) {
	s := &e.slots.all[i]
	if e.unwanted(s) {
		e.finish(i, driver.Result{N: s.want, Err: driver.ErrCanceled})
		return
	}
	e.start(i)
}

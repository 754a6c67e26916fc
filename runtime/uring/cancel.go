//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// Cancel implements driver.Engine. A Close can not be cancelled.
func (e *engine) Cancel(op *driver.Op) {
	if op.State.Flight == 0 || op.Code == driver.Close {
		return
	}
	i := op.State.Slot
	s := &e.slots.all[i]
	if s.op != op || s.flags&canceled != 0 {
		return
	}
	s.flags |= canceled
	switch {
	case s.flags&armed != 0:
		if s.where == nowhere && s.flags&landed == 0 {
			e.slots.push(inCancels, i)
		}
	case s.where != nowhere:
		e.slots.remove(i)
		e.abandon(i)
	}
	// Otherwise a completion of it is being delivered, and its end comes by itself.
}

// sendCancels asks the kernel to cancel single operations. Their SQEs, if they
// are still queued, come first.
func (e *engine) sendCancels() {
	for e.slots.lists[inCancels].n != 0 {
		sqe := e.sqe()
		if sqe == nil {
			return
		}
		i := e.slots.pop(inCancels)
		s := &e.slots.all[i]
		sqe.PrepCancel(userData(s.gen, tagOp|i), 0)
		sqe.UserData = userData(s.gen, tagCancel|i)
		if e.feats.skipSuccess {
			sqe.Flags |= ring.SQECQESkipSuccess
		}
	}
}

// cancelDone handles the answer to a cancel request. It says nothing of the
// target's memory. ENOENT can mean that the kernel is just busy with the request,
// between two places where it would be found: if it does not end, ask again.
func (e *engine) cancelDone(i, gen uint32, res int32) {
	s := &e.slots.all[i]
	if s.gen != gen || s.flags&(armed|landed) != armed || s.where != nowhere {
		return
	}
	if unix.Errno(-res) == unix.ENOENT {
		e.slots.push(inLater, i)
	}
}

// sendSocketCancels asks the kernel to cancel everything on closing sockets, by
// descriptor: the way that also finds requests between two states.
func (e *engine) sendSocketCancels() {
	kept := e.closing[:0]
	for n, fd := range e.closing {
		k := &e.socks[fd]
		if k.state != sockClosing || k.inflight == 0 {
			continue
		}
		sqe := e.sqe()
		if sqe == nil {
			kept = append(kept, e.closing[n:]...)
			break
		}
		sqe.PrepCancelFD(int(fd), ring.CancelAll)
		sqe.UserData = userData(k.gen, tagSocket|uint32(fd))
	}
	e.closing = kept
}

//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// acceptFlags: connections do not block, for sendfile(2) inline. Receives and
// sends of the ring do not care.
const acceptFlags = unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK

func (e *engine) armAccept(i uint32, s *slot) bool {
	if s.flags&untried != 0 {
		return e.armReadable(i, s)
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	s.flags &^= lastTry
	if e.feats.multishotAccept {
		sqe.PrepMultishotAccept(int(s.fd), acceptFlags)
	} else {
		sqe.PrepAccept(int(s.fd), nil, nil, acceptFlags)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// accepted handles a completion of Accept. A connection is delivered whatever
// became of the operation meanwhile.
func (e *engine) accepted(i uint32, s *slot, c ring.CQE) {
	if s.flags&polled != 0 {
		e.acceptable(i, s, c)
		return
	}
	if c.Res >= 0 {
		conn := e.adopt(int(c.Res))
		e.socks[conn].lingers = e.socks[s.fd].lingers // inherited
		e.deliver(s.op, driver.Result{Socket: conn})
		if !c.More() {
			e.disarm(i)
			if !e.acceptLast(i) {
				e.rearm(i)
			}
		}
		return
	}
	if c.More() {
		return
	}
	e.disarm(i)
	err := unix.Errno(-c.Res)
	switch {
	case err == unix.ECANCELED && e.acceptLast(i):
	case err == unix.ECANCELED:
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
	case err == unix.EAGAIN:
		// A listener that does not block, as others want it, is not waited for by every kernel.
		s.flags |= untried
		e.rearm(i)
	case sock.AcceptAgain(err):
		e.rearm(i)
	default:
		e.finish(i, driver.Result{Err: err})
	}
}

// acceptable accepts what a listener is said to have.
func (e *engine) acceptable(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	s.flags &^= untried
	switch {
	case e.acceptLast(i):
	case c.Res >= 0:
		e.rearm(i)
	default:
		e.failed(i, unix.Errno(-c.Res))
	}
}

// acceptLast accepts once more on a listener that is being closed here and lives on in
// another process. The kernel tells of a connection to one of those that wait for it
// (EPOLLEXCLUSIVE): what it told us of, and we did not take, nobody else hears of.
func (e *engine) acceptLast(i uint32) bool {
	s := &e.slots.all[i]
	k := &e.socks[s.fd]
	if !k.shown || k.state != sockClosing || e.leaving || s.flags&canceled != 0 {
		return false
	}
	if sock.Ready(int(s.fd), unix.POLLIN)&unix.POLLIN == 0 {
		return false
	}
	s.flags |= lastTry
	e.start(i) // takes what there is, before the cancel that follows
	e.closing = append(e.closing, s.fd)
	return true
}

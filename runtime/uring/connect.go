//go:build linux

package uring

import (
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// submitConnect makes the socket. It belongs to the operation until it connects.
func (e *engine) submitConnect(i uint32, s *slot) {
	s.flags |= anonymous
	x := s.op.Ext
	switch {
	case e.leaving:
		e.pend(i, 0, net.ErrClosed)
		return
	case x == nil:
		e.pend(i, 0, os.ErrInvalid)
		return
	}
	fd, addr, err := sock.Connecting("", x.Local, x.Remote, x.Control, true)
	if err != nil {
		e.pend(i, 0, err)
		return
	}
	s = &e.slots.all[i] // Control may have submitted
	s.fd = int32(fd)
	s.ext().addr = addr
	e.start(i)
}

func (e *engine) armConnect(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	addr := &s.extra.addr
	sqe.PrepConnect(int(s.fd), addr.Pointer(), addr.Len())
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// connected handles the completion of Connect. A connection that was made is
// delivered also when the operation was cancelled.
func (e *engine) connected(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if c.Res >= 0 {
		conn := e.adopt(int(s.fd))
		e.socks[conn].lingers = s.op.Ext.Control != nil && sock.Lingers(int(conn))
		e.finish(i, driver.Result{Socket: conn})
		return
	}
	err := unix.Errno(-c.Res)
	switch {
	case (err == unix.EAGAIN || err == unix.EINTR) && !e.unwanted(s):
		e.slots.push(inLater, i) // a unix listener's queue is full
		return
	case err == unix.ECANCELED || err == unix.EAGAIN || err == unix.EINTR:
		e.dropConnect(s)
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
	default:
		e.dropConnect(s)
		e.finish(i, driver.Result{Err: err})
	}
}

// dropConnect closes the socket of a Connect that ends without one.
func (e *engine) dropConnect(s *slot) {
	unix.Close(int(s.fd))
	s.fd = -1
}

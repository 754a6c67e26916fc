//go:build linux

package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

func (e *engine) startConnect(slot uint32, r *record) {
	x := r.op.Ext
	if x == nil || x.Remote == nil {
		e.fail(slot, unix.EDESTADDRREQ)
		return
	}
	fd, sa, err := sock.Connecting("", x.Local, x.Remote, x.Control, true)
	if err != nil {
		e.fail(slot, err)
		return
	}
	k := kindOf(x.Remote.Network())
	f := flags(0)
	if k.datagram() {
		f = connected
	}
	if x.Control != nil {
		f |= shown // Control may have kept it, and set what it liked
		if sock.Lingers(fd) {
			f |= lingers
		}
	}
	index, s := e.enter(fd, k, f)
	r.socket = ref{index, s.gen}
	s.ops++
	e.push(&s.wr, slot)
	e.connect(index, s, slot, sock.Connect(fd, &sa))
}

// connect goes on from what connect(2) returned.
func (e *engine) connect(index uint32, s *socket, slot uint32, err error) {
	switch err {
	case nil, unix.EINPROGRESS, unix.EINTR:
		// Registered only now: an edge of a socket that has not begun would be
		// taken for the end of connecting.
		if failed := e.register(index, s); failed != nil {
			e.connectFailed(index, s, slot, failed)
			return
		}
		if err == nil {
			e.unlink(&s.wr, slot)
			e.finish(slot, driver.Result{Socket: driver.Socket(index)})
			return
		}
		s.flags &^= writable // until the edge
	case unix.EAGAIN:
		// The queue of a unix listener is full, and nothing tells when it is not.
		e.park(index, s)
	default:
		e.connectFailed(index, s, slot, err)
	}
}

// connectDone is called when the socket is writable, or at the next tick.
func (e *engine) connectDone(index uint32, s *socket, slot uint32) {
	if !s.is(registered) {
		if s.is(parked) {
			return
		}
		sa, err := sock.Encode(networks[s.kind], e.records.at(slot).op.Ext.Remote)
		if err == nil {
			err = sock.Connect(int(s.fd), &sa)
		}
		e.connect(index, s, slot, err)
		return
	}
	err := sock.SocketError(int(s.fd))
	if err == nil && s.is(hungUp) && sock.RemoteAddr(int(s.fd)) == nil {
		err = unix.ENOTCONN // somebody else took the error
	}
	if err != nil {
		e.connectFailed(index, s, slot, err)
		return
	}
	e.unlink(&s.wr, slot)
	e.finish(slot, driver.Result{Socket: driver.Socket(index)})
}

func (e *engine) connectFailed(index uint32, s *socket, slot uint32, err error) {
	e.unlink(&s.wr, slot)
	e.abandon(index, s)
	e.fail(slot, err)
}

// abandon closes a socket that nobody knows yet.
func (e *engine) abandon(index uint32, s *socket) {
	if s.is(shown) {
		e.unregister(s)
	}
	unix.Close(int(s.fd))
	e.leave(index, s)
}

//go:build linux

package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// submitClose stops a socket: no operation joins it any more, those on it are
// cancelled, and the last one to leave lets the descriptor be closed.
func (e *engine) submitClose(i uint32, s *slot) {
	on := s.op.Socket
	if uint(on) >= uint(len(e.socks)) || e.socks[on].state == sockNone || e.socks[on].closer != 0 {
		e.refuse(i)
		return
	}
	k := &e.socks[on]
	s.fd = int32(on)
	s.flags |= anonymous // it does not wait for itself
	k.state, k.closer = sockClosing, i
	if k.inflight == 0 {
		e.readyToClose(k)
		return
	}
	if s.op.Abort && k.zeroCopy == zeroCopyOn {
		// Unsent data holds its notifications back for as long as the peer likes.
		disconnect(s.fd)
	}
	e.unstarve(s.fd)
	e.closing = append(e.closing, s.fd)
}

// readyToClose goes on with a Close when nothing else is in flight on its socket.
// The descriptor is closed with one system call at delivery: not earlier, so that
// its number is not in use again before the owner knows. Only a close(2) that
// would wait for the peer goes to a worker of the kernel.
func (e *engine) readyToClose(k *socket) {
	s := &e.slots.all[k.closer]
	if k.lingers && !s.op.Abort && e.setAside(s) {
		e.start(k.closer)
		return
	}
	e.pend(k.closer, 0, nil)
}

// setAside gives the socket of a Close another descriptor, slot.want, for a worker to
// close, and keeps its number with something that closes at once. Where no descriptor is
// left the socket does not linger: it sends what it has in the background.
func (e *engine) setAside(s *slot) bool {
	aside, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 1)
	if err == nil {
		if err = unix.Dup3(e.waker.fd, int(s.fd), unix.O_CLOEXEC); err == nil {
			s.want = aside
			return true
		}
		unix.Close(aside) // not the last one: it does not wait
	}
	noLinger(int(s.fd))
	return false
}

// noLinger keeps a close(2) on the loop from waiting for the peer.
func noLinger(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
}

// closeAside closes what was set aside for a worker that did not come.
func closeAside(s *slot) error {
	noLinger(s.want)
	return unix.Close(s.want)
}

// closeNow closes the descriptor and completes the Close in slot i.
func (e *engine) closeNow(i uint32, s *slot) {
	fd := s.fd
	if s.op.Abort {
		_ = sock.Reset(int(fd)) // not every protocol has one
	}
	err := unix.Close(int(fd))
	if err == unix.EINTR {
		err = nil // closed all the same (close(2), NOTES)
	}
	e.forget(fd)
	e.finish(i, driver.Result{Err: err})
}

// disconnect resets a TCP connection and drops what it has not sent: connect(2)
// with AF_UNSPEC. Other protocols refuse, or have nothing to drop.
func disconnect(fd int32) {
	_ = sock.Reset(int(fd))
	var none unix.RawSockaddr // AF_UNSPEC is zero
	_, _, _ = unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)),
		unsafe.Sizeof(none))
}

func (e *engine) armClose(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	sqe.PrepClose(s.want)
	sqe.Flags |= ring.SQEAsync
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// closedByRing handles the completion of a Close that the kernel did aside.
func (e *engine) closedByRing(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	var err error
	switch errno := unix.Errno(-c.Res); {
	case errno == unix.ECANCELED:
		err = closeAside(s) // the engine is closing, or the kernel has no thread: it never began
	case c.Res < 0:
		err = errno
	}
	unix.Close(int(s.fd)) // what kept the number
	e.forget(s.fd)
	e.finish(i, driver.Result{Err: err})
}

// socketCancelDone handles the answer to cancelling everything on a socket. If
// something is left that a cancel can reach, it asks again later.
func (e *engine) socketCancelDone(fd int32, gen uint32) {
	k := &e.socks[fd]
	if k.gen == gen && k.state == sockClosing && k.inflight > k.landed {
		e.stuck = append(e.stuck, fd)
	}
}

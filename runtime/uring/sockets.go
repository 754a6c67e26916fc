//go:build linux

package uring

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// socket is what the engine knows of one descriptor; a driver.Socket is the
// descriptor itself.
type socket struct {
	gen      uint32 // of the descriptor's use, for cancel requests
	inflight int32  // operations on it without their final completion
	landed   int32  // of these, zero-copy sends that only wait for their notification
	closer   uint32 // slot of its Close
	state    sockState
	zeroCopy zeroCopy
	family   uint16 // address family, 0 if not asked for yet
	lingers  bool   // close(2) would wait for the peer
	shown    bool   // others may hold it: Control showed the descriptor, or it came from them
	starved  bool   // a receive waits for buffers, or did since it was last looked for
	full     bool   // sendfile(2) or splice(2) filled it
	wet      bool   // splice(2) left something in it, or something came since
	bulky    bool   // its last receive was Poll's, see bulk.go
	mark     uint8  // for engine.crowd
}

type sockState uint8

const (
	sockNone sockState = iota
	sockOpen
	sockClosing // Close was submitted
)

// adopt makes fd a socket of the engine's.
func (e *engine) adopt(fd int) driver.Socket {
	if fd >= len(e.socks) {
		grown := make([]socket, max(2*len(e.socks), fd+1, 64))
		copy(grown, e.socks)
		e.socks = grown
	}
	k := &e.socks[fd]
	*k = socket{gen: k.gen + 1, state: sockOpen}
	e.stats.SocketsOpen++
	return driver.Socket(fd)
}

// forget makes fd no socket of the engine's any more.
func (e *engine) forget(fd int32) {
	k := &e.socks[fd]
	*k = socket{gen: k.gen}
	e.stats.SocketsOpen--
}

// find returns the socket if it is open and not being closed.
func (e *engine) find(s driver.Socket) *socket {
	if uint(s) >= uint(len(e.socks)) || e.socks[s].state != sockOpen {
		return nil
	}
	return &e.socks[s]
}

// family returns the address family of a socket.
func (e *engine) family(fd int32) int {
	k := &e.socks[fd]
	if k.family == 0 {
		k.family = uint16(sock.Family(int(fd)))
	}
	return int(k.family)
}

// join counts an operation in on its socket. It is false for one that is closed.
func (e *engine) join(s *slot, on driver.Socket) bool {
	k := e.find(on)
	if k == nil {
		return false
	}
	s.fd = int32(on)
	k.inflight++
	return true
}

// leave counts an operation out. The last one to leave a closing socket lets the
// Close go on.
func (e *engine) leave(fd int32) {
	k := &e.socks[fd]
	k.inflight--
	if k.inflight == 0 && k.state == sockClosing && k.closer != 0 {
		e.readyToClose(k)
	}
}

// refuse completes slot i, whose operation is on no open socket.
func (e *engine) refuse(i uint32) {
	s := &e.slots.all[i]
	s.fd = -1
	s.flags |= anonymous
	e.pend(i, 0, net.ErrClosed)
}

// Listen implements driver.Sockets. Stream listeners block, since accepting is
// the kernel's business; datagram sockets do not matter either way.
func (e *engine) Listen(network string, addr net.Addr, cfg *driver.ListenConfig) (driver.Socket, error) {
	if e.leaving {
		return driver.NoSocket, net.ErrClosed
	}
	fd, err := sock.Listen(network, addr, cfg, false)
	if err != nil {
		return driver.NoSocket, err
	}
	s := e.adopt(fd)
	if cfg != nil && cfg.Control != nil {
		e.socks[fd].shown, e.socks[fd].lingers = true, sock.Lingers(fd)
	}
	return s, nil
}

// LocalAddr implements driver.Sockets.
func (e *engine) LocalAddr(s driver.Socket) net.Addr {
	if e.find(s) == nil {
		return nil
	}
	return sock.LocalAddr(int(s))
}

// RemoteAddr implements driver.Sockets.
func (e *engine) RemoteAddr(s driver.Socket) net.Addr {
	if e.find(s) == nil {
		return nil
	}
	return sock.RemoteAddr(int(s))
}

// CloseWrite implements driver.Sockets. The operation SHUTDOWN would go to a
// worker thread of the kernel; the system call does not wait.
func (e *engine) CloseWrite(s driver.Socket) error {
	if e.find(s) == nil {
		return net.ErrClosed
	}
	return sock.CloseWrite(int(s))
}

// CloseRead implements driver.Sockets.
func (e *engine) CloseRead(s driver.Socket) error {
	if e.find(s) == nil {
		return net.ErrClosed
	}
	return sock.CloseRead(int(s))
}

// SetOption implements driver.Sockets.
func (e *engine) SetOption(s driver.Socket, opt driver.Option, value int) error {
	k := e.find(s)
	if k == nil {
		return net.ErrClosed
	}
	if err := sock.SetOption(int(s), opt, value); err != nil {
		return err
	}
	if opt == driver.Linger {
		k.lingers = value > 0
	}
	return nil
}

// Control implements driver.Sockets.
func (e *engine) Control(s driver.Socket, f func(fd uintptr)) error {
	k := e.find(s)
	if k == nil {
		return net.ErrClosed
	}
	k.shown = true
	f(uintptr(s))
	if k = e.find(s); k != nil { // f may have done anything
		k.lingers = sock.Lingers(int(s))
	}
	return nil
}

// Unsent implements driver.Unsenter.
func (e *engine) Unsent(s driver.Socket) (driver.Unsent, error) {
	if e.find(s) == nil {
		return driver.Unsent{}, net.ErrClosed
	}
	return sock.Unsent(int(s))
}

// Detach implements driver.Sockets. EBUSY while an operation is in flight.
func (e *engine) Detach(s driver.Socket) (driver.Detached, error) {
	k := e.find(s)
	switch {
	case k == nil:
		return nil, net.ErrClosed
	case k.inflight != 0:
		return nil, unix.EBUSY
	}
	d := sock.Detach(int(s))
	d.Shared = k.shown
	e.forget(int32(s))
	return d, nil
}

// Attach implements driver.Sockets.
func (e *engine) Attach(d driver.Detached) (driver.Socket, error) {
	if e.leaving {
		return driver.NoSocket, net.ErrClosed
	}
	fd, err := sock.FromAny(d)
	if err != nil {
		return driver.NoSocket, err
	}
	// Inline sendfile(2) must not wait for the peer. A listener stays as it is: others who
	// have the same one would hang in accept(2) if it blocked.
	if !sock.IsListener(fd) {
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(fd)
			return driver.NoSocket, err
		}
	}
	own, ours := d.(*sock.Detached)
	s := e.adopt(fd)
	e.socks[fd].shown, e.socks[fd].lingers = !ours || own.Shared, sock.Lingers(fd)
	return s, nil
}

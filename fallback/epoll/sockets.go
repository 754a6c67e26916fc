//go:build linux

package epoll

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// openSocket finds a socket whose Close was not submitted.
func (e *engine) openSocket(id driver.Socket) (*socket, error) {
	s, ok := e.lookup(id)
	if !ok || s.is(closing) {
		return nil, net.ErrClosed
	}
	return s, nil
}

// Listen implements [driver.Sockets].
func (e *engine) Listen(network string, addr net.Addr, cfg *driver.ListenConfig) (driver.Socket, error) {
	if e.closing {
		return driver.NoSocket, net.ErrClosed
	}
	fd, err := sock.Listen(network, addr, cfg, true)
	if err != nil {
		return driver.NoSocket, err
	}
	var f flags
	if cfg != nil && cfg.GRO {
		f |= joined
	}
	if cfg != nil && cfg.Control != nil {
		f |= shown
		if sock.Lingers(fd) {
			f |= lingers
		}
	}
	return e.admit(fd, kindOf(network), f)
}

// admit is adopt for a descriptor that must not be left behind.
func (e *engine) admit(fd int, k kind, f flags) (driver.Socket, error) {
	index, err := e.adopt(fd, k, f)
	if err != nil {
		unix.Close(fd)
		return driver.NoSocket, err
	}
	return driver.Socket(index), nil
}

// LocalAddr implements [driver.Sockets].
func (e *engine) LocalAddr(id driver.Socket) net.Addr {
	s, err := e.openSocket(id)
	if err != nil {
		return nil
	}
	return sock.LocalAddr(int(s.fd))
}

// RemoteAddr implements [driver.Sockets].
func (e *engine) RemoteAddr(id driver.Socket) net.Addr {
	s, err := e.openSocket(id)
	if err != nil {
		return nil
	}
	return sock.RemoteAddr(int(s.fd))
}

// CloseWrite implements [driver.Sockets].
func (e *engine) CloseWrite(id driver.Socket) error {
	s, err := e.openSocket(id)
	if err != nil {
		return err
	}
	return sock.CloseWrite(int(s.fd))
}

// CloseRead implements [driver.Sockets].
func (e *engine) CloseRead(id driver.Socket) error {
	s, err := e.openSocket(id)
	if err != nil {
		return err
	}
	err = sock.CloseRead(int(s.fd))
	if err == unix.ENOTCONN && s.kind.datagram() {
		err = nil // for want of a peer: the side is shut all the same, see recvFrom
	}
	if err != nil {
		return err
	}
	s.flags |= readClosed | hungUp | readable
	if s.pendingRead() {
		e.schedule(uint32(id), s)
	}
	return nil
}

// SetOption implements [driver.Sockets].
func (e *engine) SetOption(id driver.Socket, opt driver.Option, value int) error {
	s, err := e.openSocket(id)
	if err != nil {
		return err
	}
	if err := sock.SetOption(int(s.fd), opt, value); err != nil {
		return err
	}
	if opt == driver.Linger {
		s.flags &^= lingers
		if value > 0 {
			s.flags |= lingers
		}
	}
	return nil
}

// Control implements [driver.Sockets].
func (e *engine) Control(id driver.Socket, f func(fd uintptr)) error {
	s, err := e.openSocket(id)
	if err != nil {
		return err
	}
	s.flags |= shown
	f(uintptr(s.fd))
	return nil
}

// Unsent implements [driver.Unsenter].
func (e *engine) Unsent(id driver.Socket) (driver.Unsent, error) {
	s, err := e.openSocket(id)
	if err != nil {
		return driver.Unsent{}, err
	}
	return sock.Unsent(int(s.fd))
}

// Detach implements [driver.Sockets]. EBUSY if operations are in flight.
func (e *engine) Detach(id driver.Socket) (driver.Detached, error) {
	s, err := e.openSocket(id)
	if err != nil {
		return nil, err
	}
	if s.ops > 0 {
		return nil, unix.EBUSY
	}
	e.unregister(s)
	d := sock.Detach(int(s.fd))
	d.Shared, d.ReadClosed = s.is(shown), s.is(readClosed)
	e.leave(uint32(id), s)
	return d, nil
}

// Attach implements [driver.Sockets]. When the socket can not be registered, for
// want of memory or of fs.epoll.max_user_watches, it is closed.
func (e *engine) Attach(d driver.Detached) (driver.Socket, error) {
	if e.closing {
		return driver.NoSocket, net.ErrClosed
	}
	fd, err := sock.FromAny(d)
	if err != nil {
		return driver.NoSocket, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return driver.NoSocket, err
	}
	k := kindOf(sock.Network(fd))
	var f flags
	own, ours := d.(*sock.Detached)
	if !ours || own.Shared {
		f |= shown // the description may have other descriptors
	}
	if ours && own.ReadClosed {
		f |= readClosed | hungUp | readable
	}
	if sock.Lingers(fd) {
		f |= lingers
	}
	if k.datagram() && sock.RemoteAddr(fd) != nil {
		f |= connected
	}
	if k == kindUDP {
		if v, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO); err == nil && v != 0 {
			f |= joined
		}
	}
	return e.admit(fd, k, f)
}

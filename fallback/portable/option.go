package portable

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// CloseWrite implements [driver.Sockets].
func (e *engine) CloseWrite(id driver.Socket) error {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return net.ErrClosed
	}
	c, ok := s.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return bare(c.CloseWrite())
}

// CloseRead implements [driver.Sockets].
func (e *engine) CloseRead(id driver.Socket) error {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return net.ErrClosed
	}
	c, ok := s.conn.(interface{ CloseRead() error })
	if !ok {
		return errors.ErrUnsupported
	}
	if err := c.CloseRead(); err != nil {
		return bare(err)
	}
	s.readClosed = true
	return nil
}

// SetOption implements [driver.Sockets]. Those of a listener are for the connections
// that it accepts: package net has no means to set them on the listener itself.
func (e *engine) SetOption(id driver.Socket, opt driver.Option, value int) error {
	s := e.lookup(id)
	switch {
	case s == nil || s.closing != nil:
		return net.ErrClosed
	case s.ln != nil && s.passesOn(opt):
		s.passOn(opt, value)
		return nil
	case s.ln != nil:
		return unsupported(opt)
	}
	return s.set(opt, value)
}

func unsupported(opt driver.Option) error {
	return fmt.Errorf("portable: socket option %d: %w", opt, errors.ErrUnsupported)
}

// setting is an option for the connections that a listener accepts.
type setting struct {
	opt   driver.Option
	value int
}

// passesOn tells whether the connections of a listener have the option.
func (s *sock) passesOn(opt driver.Option) bool {
	switch opt {
	case driver.ReadBuffer, driver.WriteBuffer:
		return true
	case driver.NoDelay, driver.Linger,
		driver.KeepAlive, driver.KeepAliveIdle, driver.KeepAliveInterval, driver.KeepAliveCount:
		_, ok := s.ln.Addr().(*net.TCPAddr)
		return ok
	}
	return false
}

// passOn notes an option, in the place of an older value of it.
func (s *sock) passOn(opt driver.Option, value int) {
	for i := range s.settings {
		if s.settings[i].opt == opt {
			s.settings[i].value = value
			return
		}
	}
	s.settings = append(s.settings, setting{opt, value})
}

// inherit sets what the listener was given. One that the system refuses costs no
// connection.
func (s *sock) inherit(settings []setting) {
	for _, o := range settings {
		_ = s.set(o.opt, o.value)
	}
}

func (s *sock) set(opt driver.Option, value int) error {
	switch opt {
	case driver.ReadBuffer:
		if c, ok := s.any().(interface{ SetReadBuffer(int) error }); ok {
			return bare(c.SetReadBuffer(value))
		}
	case driver.WriteBuffer:
		if c, ok := s.any().(interface{ SetWriteBuffer(int) error }); ok {
			return bare(c.SetWriteBuffer(value))
		}
	default:
		if c, ok := s.conn.(*net.TCPConn); ok {
			return bare(s.setTCP(c, opt, value))
		}
	}
	return unsupported(opt)
}

func (s *sock) setTCP(c *net.TCPConn, opt driver.Option, value int) error {
	switch opt {
	case driver.NoDelay:
		return c.SetNoDelay(value != 0)
	case driver.Linger:
		return c.SetLinger(value)
	case driver.KeepAlive:
		s.keepAlive = value != 0
		return c.SetKeepAlive(s.keepAlive)
	}
	// Negative means: leave as it is. There is no such value of Enable.
	keep := net.KeepAliveConfig{Enable: s.keepsAlive(c), Idle: -1, Interval: -1, Count: -1}
	switch opt {
	case driver.KeepAliveIdle:
		keep.Idle = time.Duration(value) * time.Second
	case driver.KeepAliveInterval:
		keep.Interval = time.Duration(value) * time.Second
	case driver.KeepAliveCount:
		keep.Count = value
	default:
		return errors.ErrUnsupported
	}
	return c.SetKeepAliveConfig(keep)
}

// keepsAlive asks the system, since the socket may have come with keep-alive on. Where
// it can not be asked, what was set last counts.
func (s *sock) keepsAlive(c *net.TCPConn) bool {
	on := s.keepAlive
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			if v, err := keepAliveOf(fd); err == nil {
				on = v
			}
		})
	}
	return on
}

// Control implements [driver.Sockets].
func (e *engine) Control(id driver.Socket, f func(fd uintptr)) error {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return net.ErrClosed
	}
	c, ok := s.any().(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return bare(err)
	}
	return bare(raw.Control(f))
}

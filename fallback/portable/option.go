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

// SetOption implements [driver.Sockets].
func (e *engine) SetOption(id driver.Socket, opt driver.Option, value int) error {
	s := e.lookup(id)
	if s == nil || s.closing != nil {
		return net.ErrClosed
	}
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
	return fmt.Errorf("portable: socket option %d: %w", opt, errors.ErrUnsupported)
}

func (s *sock) setTCP(c *net.TCPConn, opt driver.Option, value int) error {
	// Negative means: leave as it is.
	keep := net.KeepAliveConfig{Enable: s.keepAlive, Idle: -1, Interval: -1, Count: -1}
	switch opt {
	case driver.NoDelay:
		return c.SetNoDelay(value != 0)
	case driver.Linger:
		return c.SetLinger(value)
	case driver.KeepAlive:
		s.keepAlive = value != 0
		return c.SetKeepAlive(s.keepAlive)
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

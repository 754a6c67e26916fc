package portable

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/headrace/headrace/runtime/driver"
)

var errBusy = errors.New("portable: operations are in flight on the socket")

// unread is a connection with bytes that were read from it and not delivered.
type unread struct {
	net.Conn
	held []byte
}

// Read implements [net.Conn].
func (u *unread) Read(p []byte) (int, error) {
	if len(u.held) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.held)
	u.held = u.held[n:]
	return n, nil
}

// Detach implements [driver.Sockets]. It gives the net.Conn, net.Listener or
// net.PacketConn itself, without a deadline.
func (e *engine) Detach(id driver.Socket) (driver.Detached, error) {
	s := e.lookup(id)
	switch {
	case s == nil || s.closing != nil:
		return nil, net.ErrClosed
	case s.ops > 0:
		return nil, errBusy
	}
	s.readyToRead()
	s.readyToWrite()
	e.forget(s)
	if len(s.held) > 0 {
		return &unread{s.conn, s.held}, nil
	}
	return s.any(), nil
}

// Attach implements [driver.Sockets]. A listener must have SetDeadline.
func (e *engine) Attach(d driver.Detached) (driver.Socket, error) {
	if e.closed {
		return driver.NoSocket, net.ErrClosed
	}
	var held []byte
	switch x := d.(type) {
	case *unread:
		d, held = x.Conn, x.held
	case *os.File:
		opened, err := openFile(x)
		if err != nil {
			return driver.NoSocket, bare(err)
		}
		d = opened
	}
	keepFile(d)
	s := e.adopt(d)
	if s == nil {
		return driver.NoSocket, fmt.Errorf("portable: attach %T: %w", d, errors.ErrUnsupported)
	}
	s.held = held
	s.rdPast, s.wrPast = true, true // lift what deadline it may have come with
	return s.id, nil
}

// openFile makes of a descriptor what package net has for it. The file is closed
// on success, since net works on a copy.
func openFile(f *os.File) (io.Closer, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	var x io.Closer = c
	if c.RemoteAddr() == nil && accepts(c.LocalAddr()) {
		ln, err := net.FileListener(f)
		c.Close()
		if err != nil {
			return nil, err
		}
		x = ln
	}
	return x, f.Close()
}

// accepts tells whether sockets of this kind can be listeners. To ask for a
// net.PacketConn would not do: a *net.UnixConn is one on every network.
func accepts(a net.Addr) bool {
	if a == nil {
		return false
	}
	switch a.Network() {
	case "tcp", "unix", "unixpacket":
		return true
	}
	return false
}

package stdnet

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// socket is what net.TCPConn and net.UnixConn have.
type socket interface {
	net.Conn
	syscall.Conn
	CloseRead() error
	CloseWrite() error
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
	File() (*os.File, error)
}

// conn is a connection: of package net, waiting in Go's netpoller, or of the
// runtime, on a loop. It moves between the two inside calls that have it for
// themselves: who moves it holds all three locks and nobody holds it.
//
// Locks are taken in the order of the fields.
type conn struct {
	reading sync.Mutex // one Read at a time
	writing sync.Mutex // one Write at a time
	mu      sync.Mutex // short calls

	std    socket // in the netpoller, else nil
	origin *origin
	moves  *moves // since it first moved

	// Set with mu. Closed connections have one: who sees none needs no lock to know
	// that there is nothing to take away.
	readDeadline, writeDeadline limit

	// Many connections are idle: 80 bytes, with these in eight.
	held   int32 // calls that use std beside the locks
	seen   uint8 // by home.heat; guarded by reading, as is
	reads  uint8 // of little, in a row, up to settled
	closed bool
	flags  flags
}

type flags uint8

const (
	stays    flags = 1 << iota // it never moves again
	discards                   // SetLinger(0): Close drops what is unsent
)

// moves is what a connection needs that has moved: most of many never do.
type moves struct {
	ring          *ring    // on a loop, else nil
	local, remote net.Addr // they outlive the sockets
	left          []byte   // received on a loop, not read yet, when std is set
	rest          int64    // no move to the loop before, by clock
	late          error    // of a Read whose deadline has passed
}

// TCPConn is a TCP connection. It has the methods of net.TCPConn, which like
// those may be called from any goroutine.
type TCPConn struct{ conn }

// UnixConn is a stream connection over a unix socket. It has the methods of
// net.UnixConn for streams but ReadMsgUnix and WriteMsgUnix, which like those may be
// called from any goroutine.
type UnixConn struct{ conn }

// ring returns the connection's time on a loop, nil while it is in the netpoller.
func (c *conn) ring() *ring {
	if c.moves == nil {
		return nil
	}
	return c.moves.ring
}

// wrap makes a connection of one that is package net's.
func wrap(o *origin, std net.Conn) net.Conn {
	init := func(c *conn) {
		c.std, c.origin = std.(socket), o
		o.home.conns.Add(1)
		if o.mode == Loop {
			c.reading.Lock()
			c.warm()
			c.reading.Unlock()
		}
	}
	if _, ok := std.(*net.UnixConn); ok {
		c := &UnixConn{}
		init(&c.conn)
		return c
	}
	c := &TCPConn{}
	init(&c.conn)
	return c
}

// Read reads what has come, at least one byte, and waits for it if it must. It
// returns io.EOF, bare, when the peer has sent all it will send.
func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for mayMove := true; ; mayMove = false {
		if mayMove && c.ring() == nil && c.wantsLoop() {
			c.warm()
			mayMove = false
		}
		if r := c.ring(); r != nil {
			n, err := r.read(p, mayMove)
			if err == errMove {
				c.cool()
				continue
			}
			if err == errAside {
				c.aside()
				continue
			}
			return n, c.readError(err)
		}
		if c.hasLeft() {
			return c.readLeft(p)
		}
		n, err := c.std.Read(p)
		if n > 0 {
			c.note(n)
		}
		if err != nil {
			err = c.fix(err)
		}
		return n, err
	}
}

// readLeft reads what came along from the loop. A deadline and Close come first.
func (c *conn) readLeft(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.unreadable(); err != nil {
		return 0, err
	}
	m := c.moves
	n := copy(p, m.left)
	if m.left = m.left[n:]; len(m.left) == 0 {
		m.left = nil
	}
	return n, nil
}

// hasLeft tells whether there is something for readLeft.
func (c *conn) hasLeft() bool { return c.moves != nil && len(c.moves.left) > 0 }

// Write writes p: into the connection's queue, which is bounded, from where it
// leaves without further calls, or into the kernel. It waits for room.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if r := c.ring(); r != nil {
		n, err := r.write(p)
		return n, c.opError("write", err)
	}
	n, err := c.std.Write(p)
	if err != nil {
		err = c.fix(err)
	}
	return n, err
}

// unreadable is why what came along from the loop is not to be read, with mu held. The
// netpoller is not asked: it may not know yet that the deadline has passed, and would
// read what comes behind.
func (c *conn) unreadable() error {
	switch {
	case c.closed:
		return c.opError("read", net.ErrClosed)
	case c.readDeadline.get().over():
		return c.readError(os.ErrDeadlineExceeded)
	}
	return nil
}

// takeLeft takes all that came along from the loop, with reading held.
func (c *conn) takeLeft() (left []byte, err error) {
	if !c.hasLeft() {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.unreadable(); err != nil {
		return nil, err
	}
	left, c.moves.left = c.moves.left, nil
	return left, nil
}

// Close closes the connection and ends every call on it. What was written is
// still sent.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		defer c.mu.Unlock()
		if c.std != nil {
			return c.fix(c.std.Close())
		}
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.readDeadline.set(past)
	c.writeDeadline.set(past)
	c.origin.home.conns.Add(-1)
	if c.std != nil {
		defer c.mu.Unlock()
		return c.fix(c.std.Close())
	}
	r, discard := c.ring(), c.flags&discards != 0
	c.mu.Unlock()
	r.close(discard)
	return nil
}

// CloseRead ends reading: further Reads return io.EOF.
func (c *conn) CloseRead() error {
	return c.do("close", c.opError, socket.CloseRead, (*ring).closeRead)
}

// CloseWrite sends what was written and then FIN. The connection still reads.
func (c *conn) CloseWrite() error {
	std := func(s socket) error {
		c.flags |= stays // as after cool
		return s.CloseWrite()
	}
	return c.do("close", c.opError, std, (*ring).closeWrite)
}

// LocalAddr returns the local address.
func (c *conn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves != nil {
		return c.moves.local
	}
	return c.std.LocalAddr()
}

// RemoteAddr returns the peer's address.
func (c *conn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moves != nil {
		return c.moves.remote
	}
	return c.std.RemoteAddr()
}

// SetDeadline sets until when Read and Write may wait, also those that wait now;
// a zero time means for ever.
func (c *conn) SetDeadline(t time.Time) error {
	if t.IsZero() && c.readDeadline.none() && c.writeDeadline.none() {
		return nil
	}
	return c.setDeadline(t, true, true)
}

// SetReadDeadline is SetDeadline for Read alone.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() && c.readDeadline.none() {
		return nil // net/http takes three away per request that it has not set
	}
	return c.setDeadline(t, true, false)
}

// SetWriteDeadline is SetDeadline for Write alone. Write may have written a part
// when it returns.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && c.writeDeadline.none() {
		return nil
	}
	return c.setDeadline(t, false, true)
}

func (c *conn) setDeadline(t time.Time, read, write bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := instantOf(t)
	if read && !c.closed { // which keeps those it has
		c.readDeadline.set(at)
	}
	if write && !c.closed {
		c.writeDeadline.set(at)
	}
	switch {
	case c.std == nil && c.closed:
		return c.setError("set", net.ErrClosed)
	case c.std == nil:
		c.ring().setDeadline(at, read, write)
		return nil
	case !write:
		return c.fix(c.std.SetReadDeadline(t))
	case !read:
		return c.fix(c.std.SetWriteDeadline(t))
	}
	return c.fix(c.std.SetDeadline(t))
}

// do does a short thing: to the socket of package net, or on the loop.
func (c *conn) do(op string, dress func(string, error) error, std func(socket) error, ring func(*ring) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std != nil {
		return c.fix(std(c.std))
	}
	if c.closed {
		return dress(op, net.ErrClosed)
	}
	err := c.ring().call(ring)
	if err == errEnded && op == "set" {
		return nil // the system takes options of a socket that was reset, too
	}
	return dress(op, err)
}

// hold returns the socket of package net and keeps the connection from moving
// until release. It returns nil when the connection is on a loop.
func (c *conn) hold() socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std != nil {
		c.held++
	}
	return c.std
}

func (c *conn) release() {
	c.mu.Lock()
	c.held--
	c.mu.Unlock()
}

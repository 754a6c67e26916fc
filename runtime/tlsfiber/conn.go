package tlsfiber

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// Conn is a connection of a fiber with TLS. It is a net.Conn whose calls suspend
// the fiber; all its methods, and those of Task, are for that fiber.
type Conn struct {
	*fiber.Task

	fc     *fiber.Conn
	tls    *tls.Conn
	cfg    *Config
	shared *shared
	t      transport

	client bool
	ready  bool  // the handshake is done
	err    error // or has failed
	closed bool
	filled bool // the last Read left no room: crypto/tls may have more

	readBy, writeBy time.Time // the program's deadlines
}

// Serve returns the AcceptFunc that does the handshake of each connection and then
// runs f as a fiber, as fiber.Serve does. When f returns nil or io.EOF, what it
// wrote is sent, then close_notify. After another error, or a panic, the connection
// ends without that: the peer can tell that it did not get all.
func Serve(cfg *Config, f func(c *Conn) error) runtime.AcceptFunc {
	return fiber.Serve(func(fc *fiber.Conn) error {
		c := Server(fc, cfg)
		if err := c.Handshake(); err != nil {
			return err
		}
		if err := f(c); err != nil && err != io.EOF {
			return err
		}
		return c.Close()
	})
}

// Server is the server's side of TLS on a connection, which belongs to the result
// from now on.
func Server(fc *fiber.Conn, cfg *Config) *Conn {
	c := newConn(fc, cfg.orDefault())
	c.tls = tls.Server(&c.t, c.cfg.TLS)
	return c
}

// Client is the client's side. cfg.TLS names the server (ServerName), or does not
// care (InsecureSkipVerify).
func Client(fc *fiber.Conn, cfg *Config) *Conn {
	c := newConn(fc, cfg.orDefault())
	c.client = true
	c.tls = tls.Client(&c.t, c.cfg.TLS)
	return c
}

func newConn(fc *fiber.Conn, cfg *Config) *Conn {
	s := sharedOf(fc.Loop().Runtime())
	c := &Conn{Task: &fc.Task, fc: fc, cfg: cfg, shared: s, t: transport{c: fc, whole: s.whole}}
	if cfg.keys != nil {
		c.t.kernel = &kernel{keys: cfg.keys}
	}
	return c
}

// Fiber returns the connection below, for options and statistics. What is read or
// written there is not TLS.
func (c *Conn) Fiber() *fiber.Conn { return c.fc }

// ConnectionState tells what the handshake agreed on.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// Read reads what has come, at least one byte. The error is io.EOF after the peer's
// close_notify, and, as crypto/tls has it, when the connection ended between two
// records; io.ErrUnexpectedEOF when it ended within one.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	n, err := c.tls.Read(p)
	c.filled = n == len(p) && n > 0
	if k := c.t.kernel; err != nil && k != nil && k.err != nil {
		err = k.err // crypto/tls saw but what followed
	}
	return n, err
}

// WaitReadable suspends the fiber until there is something to read, or the part of
// a record that may become that. A fiber that takes its buffers only after it costs
// little while its peer is idle.
func (c *Conn) WaitReadable() error {
	if err := c.Handshake(); err != nil {
		return err
	}
	if c.Pending() {
		return nil
	}
	return c.fc.WaitReadable()
}

// Pending reports whether something has come that may be there to read.
func (c *Conn) Pending() bool { return c.filled || !c.fc.Conn().Unread().Empty() }

// Write encrypts p and queues it, and waits while too much is unsent.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if c.KernelTLS() {
		return c.writeKernel(p)
	}
	return c.tls.Write(p)
}

// Flush waits until all that was written is with the kernel.
func (c *Conn) Flush() error { return c.fc.Flush() }

// CloseWrite sends close_notify and FIN after what was written.
func (c *Conn) CloseWrite() error {
	if err := c.Handshake(); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	if err := c.tls.CloseWrite(); err != nil {
		return err
	}
	return c.fc.CloseWrite()
}

// Close sends what was written and close_notify, then closes the connection. It
// does not wait. Further calls do nothing.
func (c *Conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed, c.t.closing = true, true
	if !c.ready {
		return c.fc.Close()
	}
	_ = c.settle() // what there is to say of it, close_notify says
	return c.tls.Close()
}

// Abort closes the connection at once, without close_notify.
func (c *Conn) Abort() {
	c.closed = true
	c.fc.Abort()
}

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.fc.LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.fc.RemoteAddr() }

// SetBusy and Draining are fiber.Conn's.
func (c *Conn) SetBusy(busy bool) { c.fc.SetBusy(busy) }

// Draining reports whether the runtime is shutting down.
func (c *Conn) Draining() bool { return c.fc.Draining() }

// SetDeadline sets both deadlines; the zero time means none. A write that ran into
// its deadline breaks the stream of records: nothing can be written after it.
func (c *Conn) SetDeadline(t time.Time) error {
	c.readBy, c.writeBy = t, t
	return c.fc.SetDeadline(t)
}

// SetReadDeadline sets the deadline of reading.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.readBy = t
	return c.fc.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of waiting for room to write.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t
	return c.fc.SetWriteDeadline(t)
}

var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
)

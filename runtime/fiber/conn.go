package fiber

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// Conn is a connection of a fiber. It is a net.Conn whose calls suspend the fiber
// where those of package net park a goroutine.
type Conn struct {
	Task
	rc     *runtime.Conn
	err    error // why it closed
	closed bool
	opened func()
	file   *fileCall     // of SendFile, once there was one
	line   buffers.Chain // what ReadLine returned last
	holder bool          // the fiber releases it at its end

	draining bool
	busy     bool

	readDeadline  time.Time
	writeDeadline time.Time
	timer         *runtime.Timer
	armed         time.Time // what timer is armed for
}

// Serve returns the AcceptFunc that runs f as a fiber for each connection. When f
// returns, what it wrote is sent and the connection closes. An error that f
// returns is logged at debug level, unless it is io.EOF or the connection's own.
func Serve(f func(c *Conn) error) runtime.AcceptFunc {
	return func(rc *runtime.Conn) runtime.Handler {
		var c *Conn
		fb := start(rc.Loop(), func(*fiber) { c.serve(f) })
		c = newConn(fb, rc)
		c.opened = fb.run
		return c
	}
}

func newConn(fb *fiber, rc *runtime.Conn) *Conn {
	return &Conn{Task: Task{fb: fb}, rc: rc}
}

func (c *Conn) serve(f func(c *Conn) error) {
	returned := false
	defer func() {
		if !returned { // a task or a timer may have resumed the fiber: the loop does not know whose it is
			c.rc.Abort(runtime.ErrPanic)
		}
	}()
	err := f(c)
	returned = true
	if err != nil && err != io.EOF && err != c.err && !errors.Is(err, net.ErrClosed) {
		c.rc.Loop().Runtime().Logger().Debug("fiber ended with an error", slog.Any("err", err))
	}
	c.Close()
}

// Conn returns the runtime's connection, for options and callbacks.
func (c *Conn) Conn() *runtime.Conn { return c.rc }

// LocalAddr returns the local address.
func (c *Conn) LocalAddr() net.Addr { return c.rc.LocalAddr() }

// RemoteAddr returns the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.rc.RemoteAddr() }

// Close sends what was written, then closes the connection. It does not wait.
// Further calls do nothing.
func (c *Conn) Close() error {
	c.dropLine()
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.rc.Close()
}

// Abort closes the connection at once; what was written and not sent is dropped.
func (c *Conn) Abort() {
	c.dropLine()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.rc.Abort(net.ErrClosed)
}

// CloseWrite sends FIN after what was written.
func (c *Conn) CloseWrite() error { return c.rc.CloseWrite() }

// SetBusy tells that the fiber is in the middle of something: a Shutdown of the
// runtime waits for it to say otherwise or to end. A fiber that is not busy and
// waits to read when the runtime shuts down reads io.EOF.
func (c *Conn) SetBusy(busy bool) { c.busy = busy }

// Draining reports whether the runtime is shutting down: finish what was begun,
// begin nothing new.
func (c *Conn) Draining() bool { return c.draining }

// Open starts the fiber, or wakes the one that dialed.
func (c *Conn) Open(*runtime.Conn) { c.opened() }

// Data wakes the fiber if it waits to read. It is not for programs, nor are the
// other methods of runtime.Handler.
func (c *Conn) Data(*runtime.Conn, *buffers.Chain) { c.fb.wake(waiter{c, forData}) }

// EOF is Data's twin for the end of the stream.
func (c *Conn) EOF(*runtime.Conn) { c.fb.wake(waiter{c, forData}) }

// Drained wakes the fiber if it waits to write.
func (c *Conn) Drained(*runtime.Conn) { c.fb.wake(waiter{c, forDrain}) }

// Shutdown ends the fiber's wait for more to do.
func (c *Conn) Shutdown(*runtime.Conn) {
	c.draining = true
	c.fb.wake(waiter{c, forData})
}

// Closed wakes the fiber whatever it waits for on this connection: every call
// from now on fails at once.
func (c *Conn) Closed(_ *runtime.Conn, err error) {
	c.closed, c.err = true, err
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.fb.waiting.conn == c {
		c.fb.wake(c.fb.waiting)
	}
}

// endError is what calls return on a connection that has ended.
func (c *Conn) endError(op string) error {
	if c.err != nil {
		return c.err
	}
	return c.opErr(op, net.ErrClosed)
}

func (c *Conn) timeout(op string) error { return c.opErr(op, os.ErrDeadlineExceeded) }

func (c *Conn) opErr(op string, err error) error {
	network := "tcp"
	if a := c.LocalAddr(); a != nil {
		network = a.Network()
	}
	return &net.OpError{Op: op, Net: network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

var (
	_ net.Conn                = (*Conn)(nil)
	_ runtime.OpenHandler     = (*Conn)(nil)
	_ runtime.EOFHandler      = (*Conn)(nil)
	_ runtime.DrainHandler    = (*Conn)(nil)
	_ runtime.ShutdownHandler = (*Conn)(nil)
	_ io.ReaderFrom           = (*Conn)(nil)
	_ io.StringWriter         = (*Conn)(nil)
)

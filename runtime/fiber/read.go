package fiber

import (
	"errors"
	"io"

	"github.com/headrace/headrace/buffers"
)

// waitData suspends the fiber until something is unread. The error is io.EOF at
// the end of the stream.
func (c *Conn) waitData() error {
	c.dropLine()
	return c.waitMore(0)
}

// waitMore suspends the fiber until more than n bytes are unread.
func (c *Conn) waitMore(n int) error {
	in := c.rc.Unread()
	for in.Len() <= n {
		switch {
		case c.rc.EOF() && !c.closed:
			return io.EOF
		case c.closed || c.rc.Closing():
			return c.endError("read")
		case c.draining && !c.busy:
			return io.EOF
		case c.expired(c.readDeadline):
			return c.timeout("read")
		}
		c.arm(c.readDeadline)
		c.fb.park(waiter{c, forData})
	}
	return nil
}

// WaitReadable suspends the fiber until there is something to read. A fiber that
// takes its buffers only after it costs little while its peer is idle.
func (c *Conn) WaitReadable() error { return c.waitData() }

// WaitUnread suspends the fiber until at least n bytes are unread, and takes none.
// The connection stops reading at Config.UnreadHigh: n is to be well below. As
// io.ReadFull it returns io.EOF if there was no byte and io.ErrUnexpectedEOF if
// there were too few.
func (c *Conn) WaitUnread(n int) error {
	c.dropLine()
	in := c.rc.Unread()
	for in.Len() < n {
		if err := c.waitMore(in.Len()); err != nil {
			if err == io.EOF && !in.Empty() {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// Read reads what has come, at least one byte.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.expired(c.readDeadline) {
		return 0, c.timeout("read")
	}
	if err := c.waitData(); err != nil {
		return 0, err
	}
	n, _ := c.rc.Unread().Read(p)
	c.rc.Consumed()
	return n, nil
}

// ReadChain takes all that has come, at least one byte, without copying it. The
// chunks are the caller's, to send on or to release.
func (c *Conn) ReadChain() (buffers.Chain, error) {
	if err := c.waitData(); err != nil {
		return buffers.Chain{}, err
	}
	in := c.rc.Unread().TakeAll()
	c.rc.Consumed()
	return in, nil
}

// ReadFull reads exactly len(p) bytes; large amounts go straight from the kernel
// into p. As io.ReadFull it returns io.EOF if there was no byte and
// io.ErrUnexpectedEOF if there were too few. When the read deadline passes it
// returns how much of p is filled; what comes later is for the next call. A Shutdown
// ends the wait for the first byte of a large amount, not that for the others.
func (c *Conn) ReadFull(p []byte) (int, error) {
	c.dropLine()
	switch {
	case c.closed:
		return 0, c.endError("read")
	case len(p) > 0 && c.expired(c.readDeadline):
		return 0, c.timeout("read")
	}
	if len(p)-c.rc.Unread().Len() < c.rc.Sizes().Direct {
		return io.ReadFull(c, p)
	}
	n, err := c.receiveFull(p, true)
	switch {
	case err != errShutdown:
		return n, err
	case n == 0:
		return 0, io.EOF
	}
	rest, err := c.receiveFull(p[n:], false) // what has begun has its end
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n + rest, err
}

var errShutdown = errors.New("fiber: shutdown")

// receiveFull is ReadFull of a large amount. With shut set, a Shutdown ends it with
// errShutdown.
func (c *Conn) receiveFull(p []byte, shut bool) (int, error) {
	var done bool
	var n int
	var failed error
	c.rc.RecvFull(p, func(got int, err error) {
		done, n, failed = true, got, err
		c.fb.wake(waiter{c, forData})
	})
	for late := false; !done; {
		switch {
		case late:
		case c.expired(c.readDeadline):
			late = true
			c.rc.StopRecvFull(c.timeout("read"))
		case shut && c.draining && !c.busy:
			shut = false
			c.rc.StopRecvFull(errShutdown)
		default:
			c.arm(c.readDeadline)
		}
		c.fb.park(waiter{c, forData})
	}
	return n, failed
}

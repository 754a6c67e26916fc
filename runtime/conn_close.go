package runtime

import (
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// Close ends the connection in order: reading stops, what is queued is sent,
// then the connection closes and Closed is called. A peer that takes nothing for
// Config.LingerTimeout is not waited for. Further calls do nothing.
func (c *Conn) Close() error {
	c.loop.mustRun("Conn.Close")
	if c.is(stClosing | stEnding) {
		return nil
	}
	c.state |= stClosing
	c.in.Release()
	c.stopReceiving()
	if c.out.Empty() && !c.is(stSending) && !c.hasFiles() {
		c.finish(false)
		return nil
	}
	c.armLinger()
	c.markDirty()
	return nil
}

// Abort ends the connection at once: what is queued is dropped and the peer gets
// a reset. Closed is called with err.
func (c *Conn) Abort(err error) {
	c.loop.mustRun("Conn.Abort")
	c.abort(err)
}

// CloseWrite sends FIN after what is queued; the connection still receives.
func (c *Conn) CloseWrite() error {
	c.loop.mustRun("Conn.CloseWrite")
	if c.is(stClosing | stEnding) {
		return c.opErr("close", "", net.ErrClosed)
	}
	c.state |= stShutWrite
	c.markDirty()
	return nil
}

// CloseRead ends receiving: the handler is told of the end of the stream after
// what has arrived, as if the peer had sent its FIN.
func (c *Conn) CloseRead() error {
	c.loop.mustRun("Conn.CloseRead")
	if c.is(stClosing | stEnding) {
		return c.opErr("close", "", net.ErrClosed)
	}
	return c.opErr("close", "shutdown", c.loop.engine.CloseRead(c.sock))
}

// Closing reports whether the connection is closed or about to be.
func (c *Conn) Closing() bool { return c.is(stClosing | stEnding) }

func (c *Conn) abort(err error) {
	if c.err == nil {
		c.err = err
	}
	c.finish(true)
}

// fail ends the connection for err, which came from the system or is nil.
func (c *Conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.finish(false)
}

// finish gives the socket to the engine to close. What is in flight has its
// final completion before the close has.
func (c *Conn) finish(reset bool) {
	if c.is(stEnding) {
		return
	}
	c.state |= stEnding
	c.state &^= stHeld
	if c.more != nil {
		c.LocalAddr() // errors that are made later name the addresses
		c.RemoteAddr()
	}
	c.closeOp.Abort = reset
	c.loop.engine.Submit(&c.closeOp)
}

// ended releases everything and tells the handler. The engine has let go.
//
// What it tells, it tells by callbacks of their own: one that panics must not keep
// the others from theirs.
func (c *Conn) ended() {
	l := c.loop
	l.forget(c)
	if s, ok := c.handler.(salvager); ok {
		s.salvage()
	}
	c.in.Release()
	if n := c.Unsent(); n > 0 {
		c.extra().lost = n
	}
	c.out.Release()
	if m := c.more; m != nil {
		if m.timer != nil {
			m.timer.Stop()
		}
		c.dropFiles()
		if m.full != nil {
			m.full.end(c, c.endError())
		}
		if m.detach != nil {
			l.later(c, func() { c.undetach(c.endError()) })
		}
	}
	if c.handler != nil {
		l.later(c, c.tellClosed)
	} else {
		c.tellHook()
	}
}

// tellClosed tells the handler there is now: one that took over since the connection
// ended is told, too, and its successors know then whether that has been.
func (c *Conn) tellClosed() {
	c.state |= stCloseCalled
	if !c.receivingToFile() { // it tells the program's handler later
		c.tellHook()
	}
	c.handler.Closed(c, c.err)
}

// tellHook has Hooks.Closed called after the callback at hand.
func (c *Conn) tellHook() {
	if closed := c.loop.rt.cfg.Hooks.Closed; closed != nil {
		c.loop.later(c, func() { closed(c, c.err) })
	}
}

// Lost is how many queued bytes, files included, the kernel had not taken when the
// connection ended; 0 before.
func (c *Conn) Lost() int {
	if c.more == nil {
		return 0
	}
	return c.more.lost
}

// forget takes the connection off the loop's books.
func (l *Loop) forget(c *Conn) {
	l.conns.remove(c)
	l.numConns.Add(-1)
	l.rt.connEnded(c.listener)
	l.stats.Closed++
	if c.err != nil {
		l.stats.Failed++
	}
}

// salvager is a handler with a use for what was received before the connection
// failed.
type salvager interface{ salvage() }

// endError is what operations that the end cut short report.
func (c *Conn) endError() error {
	if c.err != nil {
		return c.err
	}
	return c.opErr("close", "", net.ErrClosed)
}

var _ driver.Completer = (*Conn)(nil)

package runtime

import (
	"errors"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// DetachFunc receives the outcome of a Detach, on the loop: the socket and what
// was received and not taken, or an error. The chain's chunks are its own.
type DetachFunc func(socket driver.Detached, unread buffers.Chain, err error)

var errBusy = errors.New("headrace: bytes or files are waiting to be sent")

// Detach takes the connection off its loop, to be given to [Loop.Adopt] of
// another one of this runtime, or to its own io.Closer. Receiving stops, and once
// nothing is in flight done is called, perhaps before Detach returns. The handler
// hears no more of the connection, Closed neither.
//
// It fails, and the connection goes on, if something is waiting to be sent. It
// fails with the connection's own error if that ends meanwhile; then Closed
// follows as usual.
func (c *Conn) Detach(done DetachFunc) {
	switch {
	case c.is(stClosing | stEnding | stFailed):
		done(nil, buffers.Chain{}, c.endError())
		return
	case c.is(stSending | stDetaching), c.Unsent() > 0, c.hasFiles(), c.receivingFull():
		done(nil, buffers.Chain{}, c.opErr("detach", "", errBusy))
		return
	}
	c.extra().detach = done
	c.state |= stDetaching | stPaused
	if c.is(stReceiving) {
		c.stopReceiving()
		return
	}
	c.leave()
}

// leave ends a Detach when receiving has stopped.
func (c *Conn) leave() {
	if c.is(stFailed | stEnding | stClosing) {
		c.undetach(c.endError())
		return
	}
	if !c.out.Empty() || c.is(stSending) || c.hasFiles() {
		c.undetach(c.opErr("detach", "", errBusy))
		return
	}
	socket, err := c.loop.engine.Detach(c.sock)
	if err != nil {
		c.undetach(c.opErr("detach", "", err))
		return
	}
	l, m := c.loop, c.more
	if m.timer != nil {
		m.timer.Stop()
	}
	done := m.detach
	m.detach = nil
	c.state |= stEnding | stEnded | stCloseCalled // it is gone, as far as this Conn goes
	l.conns.remove(c)
	l.numConns.Add(-1)
	l.rt.conns.Add(-1)
	if c.listener != nil {
		c.listener.released()
	}
	done(socket, c.in.TakeAll(), nil)
}

// undetach ends a Detach that could not be: the connection goes on, if it can.
func (c *Conn) undetach(err error) {
	done := c.more.detach
	c.more.detach = nil
	c.state &^= stDetaching
	done(nil, buffers.Chain{}, err)
	c.Resume()
}

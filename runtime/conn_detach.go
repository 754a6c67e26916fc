package runtime

import (
	"errors"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// DetachFunc receives the outcome of a Detach, on the loop: the socket and what
// was received and not taken, or an error. The chain's chunks are its own.
type DetachFunc func(socket driver.Detached, unread buffers.Chain, err error)

var errDetach = errors.New("headrace: detached elsewhere, receiving in full, or taken back")

// Detach takes the connection off its loop, to be given to [Loop.Adopt] of
// another one of this runtime, or to its own io.Closer. Receiving stops, what is
// queued is sent, and once nothing is in flight done is called, perhaps before
// Detach returns. The handler hears no more of the connection, Closed neither.
//
// Resume and CancelDetach take a Detach back that is not done: done gets an error and
// the connection goes on. It also fails with the connection's own error if that ends
// meanwhile; then Closed follows as usual.
func (c *Conn) Detach(done DetachFunc) {
	c.loop.mustRun("Conn.Detach")
	switch {
	case c.is(stClosing | stEnding | stFailed):
		done(nil, buffers.Chain{}, c.endError())
		return
	case c.is(stDetaching), c.receivingFull(), c.receivingToFile():
		done(nil, buffers.Chain{}, c.opErr("detach", "", errDetach))
		return
	}
	c.extra().detach = done
	if c.is(stPaused) {
		c.state |= stStayPaused
	}
	c.state |= stDetaching | stPaused
	c.stopReceiving()
	if !c.occupied() {
		c.leave()
	}
}

// CancelDetach takes a Detach back that is not done. Other than after Resume the
// connection goes on as it was: a paused one is paused.
func (c *Conn) CancelDetach() {
	c.loop.mustRun("Conn.CancelDetach")
	if c.is(stDetaching) {
		c.undetach(c.opErr("detach", "", errDetach))
	}
}

// occupied reports whether something is in flight or queued.
func (c *Conn) occupied() bool {
	shutting := c.is(stShutWrite) && !c.is(stWriteShut)
	return shutting || c.is(stReceiving|stSending) || !c.out.Empty() || c.hasFiles()
}

// leave ends a Detach: nothing is in flight any more.
func (c *Conn) leave() {
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
	c.state &^= stDetaching | stPaused | stStayPaused
	c.state |= stEnding | stEnded | stReleased | stCloseCalled // it is gone, as far as this Conn goes
	c.out.Release()                                            // empty, but perhaps of a chunk that nothing was read into
	l.conns.remove(c)
	l.numConns.Add(-1)
	l.rt.connEnded(c.listener)
	c.tellHook()
	done(socket, c.in.TakeAll(), nil)
}

// detaching goes on with a Detach when something has ended.
func (c *Conn) detaching() {
	switch {
	case c.is(stFailed | stEnding | stClosing):
		c.undetach(c.endError())
	case !c.occupied():
		c.leave()
	}
}

// undetach ends a Detach that could not be: the connection goes on, if it can and the
// program had not paused it.
func (c *Conn) undetach(err error) {
	done := c.more.detach
	c.more.detach = nil
	stay := c.is(stStayPaused)
	c.state &^= stDetaching | stStayPaused
	if !stay {
		c.Resume()
	}
	done(nil, buffers.Chain{}, err)
}

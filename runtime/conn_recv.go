package runtime

import (
	"io"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// Unread returns what was received and not taken yet. Whoever takes from it
// outside Data calls Consumed afterwards.
func (c *Conn) Unread() *buffers.Chain { return &c.in }

// Consumed tells the connection that bytes were taken from Unread outside Data,
// so that paused reading can go on.
func (c *Conn) Consumed() {
	c.loop.mustRun("Conn.Consumed")
	if c.is(stHeld) {
		c.markDirty()
	}
}

// EOF reports whether the peer has sent all it will send.
func (c *Conn) EOF() bool { return c.is(stEOF) }

// Pause stops reading: no Data until Resume. Bytes that are on their way may
// still arrive and wait.
func (c *Conn) Pause() {
	c.loop.mustRun("Conn.Pause")
	if c.is(stDetaching) {
		c.state |= stStayPaused
	}
	c.state |= stPaused
	c.stopReceiving()
}

// Resume undoes Pause. What arrived meanwhile is given to Data in the same turn.
func (c *Conn) Resume() {
	c.loop.mustRun("Conn.Resume")
	if !c.is(stPaused) {
		return
	}
	if c.is(stDetaching) {
		c.state &^= stStayPaused
		c.CancelDetach()
		return
	}
	c.state &^= stPaused
	c.lastRead = c.loop.now
	if c.is(stFresh|stEOF) || !c.in.Empty() {
		c.state |= stFresh
		c.markReady()
	}
	c.receive()
}

// receive gives recvOp to the engine if the connection wants to read.
func (c *Conn) receive() {
	const no = stReceiving | stPaused | stHeld | stEOF | stFailed | stClosing | stEnding
	if c.is(no) {
		return
	}
	if c.receivingFull() && c.more.full.direct {
		c.more.full.resume(c)
		return
	}
	if c.more != nil && c.more.splice != nil {
		c.more.splice.next()
		return
	}
	c.state |= stReceiving
	c.recvOp.Code = driver.Recv
	c.loop.engine.Submit(&c.recvOp)
}

// stopReceiving asks the engine to end the receive in flight.
func (c *Conn) stopReceiving() {
	if c.is(stReceiving) && !c.is(stStopping) {
		c.state |= stStopping
		c.loop.engine.Cancel(&c.recvOp)
	}
}

// received takes a completion of Recv.
func (c *Conn) received(r *driver.Result) {
	if r.Chunk != nil {
		c.lastRead = c.loop.now
		c.take(r.Chunk)
	}
	if r.More {
		return
	}
	c.state &^= stReceiving | stStopping
	if c.is(stDetaching) {
		c.markReady()
	}
	switch {
	case c.is(stEnding):
	case r.Err == nil, r.Err == driver.ErrCanceled:
		if c.receivingFull() {
			c.more.full.resume(c)
			return
		}
		c.receive()
	case r.Err == io.EOF:
		c.sawEnd()
	default:
		c.receiveFailed(r.Err)
	}
}

// sawEnd notes that receiving came to an orderly end, if it was one: a system tells
// of a reset once, and a send may have been told.
func (c *Conn) sawEnd() {
	if c.is(stSending) || !c.out.Empty() || c.hasFiles() {
		if err := c.wasReset(); err != nil {
			c.receiveFailed(err)
			return
		}
	}
	c.state |= stEOF
	c.markReady()
}

// receiveFailed notes that receiving failed. What came before the error is the
// handler's to see first.
func (c *Conn) receiveFailed(err error) {
	c.err = c.opErr("read", "recv", err)
	c.state |= stFailed
	c.markReady()
}

// take puts a received chunk where it belongs.
func (c *Conn) take(chunk *buffers.Chunk) {
	switch {
	case c.is(stClosing | stEnding):
		chunk.Release()
		return
	case c.receivingFull():
		c.more.full.take(c, chunk)
		return
	}
	// A peer that dribbles bytes must not hold a buffer with each of them.
	if tail := c.in.Tail(); tail != nil && chunk.Len() <= c.sizes().Coalesce {
		if len(tail.Room()) >= chunk.Len() {
			c.in.AppendCopy(c.loop.pool, chunk.Bytes())
			chunk.Release()
			c.state |= stFresh
			c.markReady()
			return
		}
	}
	c.in.Append(chunk)
	c.state |= stFresh
	c.markReady()
}

// checkMarks pauses or resumes reading by what is unread and unsent.
func (c *Conn) checkMarks() {
	cfg := &c.loop.rt.cfg
	unread, unsent, entries := c.in.Held(), c.out.Len(), c.entries()
	if entries > 0 {
		unsent = c.Unsent()
	}
	if c.is(stRelayed) {
		unsent = 0 // a peer that does not read may wait for the other to be read
	}
	if c.is(stHeld) {
		if unread <= cfg.UnreadLow && unsent <= cfg.UnsentLow && entries <= entriesHigh/2 {
			c.state &^= stHeld
			c.receive()
		}
		return
	}
	if unread > cfg.UnreadHigh || unsent > cfg.UnsentHigh || entries > entriesHigh {
		c.state |= stHeld
		c.loop.stats.Paused++
		c.stopReceiving()
	}
}

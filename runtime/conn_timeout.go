package runtime

import (
	"math"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// looks is how often in the shortest of its time-outs a peer that is sent to is
// looked at: so precise they are.
const looks = 8

// SetIdleTimeout closes the connection with ErrIdle when nothing was received or
// sent for d; zero means never.
func (c *Conn) SetIdleTimeout(d time.Duration) {
	c.loop.mustRun("Conn.SetIdleTimeout")
	c.extra().idle = max(d, 0)
	c.inParts()
	c.armTimer()
}

// SetReadTimeout closes the connection with ErrReadTimeout when nothing was
// received for d while it was reading; zero means never.
func (c *Conn) SetReadTimeout(d time.Duration) {
	c.loop.mustRun("Conn.SetReadTimeout")
	c.extra().read = max(d, 0)
	c.inParts()
	c.lastRead = c.loop.now
	c.armTimer()
}

// SetWriteTimeout closes the connection with ErrSlowPeer when bytes are waiting
// and the peer took none for d; zero means never. What counts is that the peer has
// them, where the system tells that; where not, that the kernel takes them.
func (c *Conn) SetWriteTimeout(d time.Duration) {
	c.loop.mustRun("Conn.SetWriteTimeout")
	c.extra().write = max(d, 0)
	c.armTimer()
}

// setTimeouts sets what the configuration asks of every connection.
func (c *Conn) setTimeouts(idle, write time.Duration) {
	if idle > 0 || write > 0 {
		m := c.extra()
		m.idle, m.write = idle, write
		c.armTimer()
	}
}

// armLinger starts the clock of a Close that has to wait for the peer.
func (c *Conn) armLinger() {
	if c.loop.rt.cfg.LingerTimeout > 0 {
		c.extra().linger = c.loop.now
		c.armTimer()
	}
}

// armTimer arms the connection's one timer for the first deadline there is.
// Deadlines move with every byte; the timer only when it fires.
func (c *Conn) armTimer() {
	if c.is(stEnding) {
		return // a timer would only keep it in memory
	}
	m := c.more
	m.every = c.lookEvery()
	when := c.deadline()
	switch {
	case when == math.MaxInt64:
		if m.timer != nil {
			m.timer.Stop()
		}
		return
	case m.timer == nil:
		m.timer = &Timer{loop: c.loop, fn: c.checkTimeouts}
	}
	m.timer.at(when)
}

// deadline is when the first of the connection's time-outs could be over.
func (c *Conn) deadline() int64 {
	m, first := c.more, int64(math.MaxInt64)
	if m.idle > 0 {
		first = min(first, after(max(c.lastRead, c.lastWrite), m.idle))
	}
	if m.read > 0 {
		first = min(first, after(c.readStart(), m.read))
	}
	if m.write > 0 {
		first = min(first, after(c.writeStart(), m.write))
	}
	if m.linger > 0 {
		first = min(first, after(max(m.linger, c.lastWrite), c.loop.rt.cfg.LingerTimeout))
	}
	if m.every > 0 && c.is(stSending) {
		first = min(first, max(m.looked, c.lastWrite)+m.every)
	}
	return first
}

// lookEvery is the time between two looks at the peer, 0 for none.
func (c *Conn) lookEvery() int64 {
	if _, ok := c.loop.engine.(driver.Unsenter); !ok {
		return 0
	}
	m, shortest := c.more, time.Duration(math.MaxInt64)
	for _, d := range []time.Duration{m.idle, m.write} {
		if d > 0 {
			shortest = min(shortest, d)
		}
	}
	if m.linger > 0 {
		shortest = min(shortest, c.loop.rt.cfg.LingerTimeout)
	}
	if shortest == math.MaxInt64 {
		return 0
	}
	return int64(max(shortest/looks, time.Millisecond))
}

// sending notes that the engine has something to send: from now on the peer is
// waited for.
func (c *Conn) sending() {
	c.state |= stSending
	c.lastWrite = max(c.lastWrite, c.loop.now)
	if m := c.more; m != nil && m.every > 0 && (m.timer == nil || m.timer.when > c.lastWrite+m.every) {
		c.armTimer()
	}
}

// look asks the kernel whether the peer took some of what is on its way. The engine
// does not tell: the kernel completes a send when a good part of its own queue has
// gone, which a slow peer takes minutes for, and a zero-copy send when all of it has.
// Where that queue is empty, something else than the peer is being waited for.
func (c *Conn) look() {
	kernel, ok := c.loop.engine.(driver.Unsenter)
	if !ok || !c.is(stSending) {
		return
	}
	m := c.extra()
	unsent, err := kernel.Unsent(c.sock)
	// A first look tells nothing, to the benefit of the peer.
	if err == nil && (unsent.Bytes == 0 || unsent != m.pending || m.looked < c.lastWrite) {
		c.lastWrite = c.loop.now
	}
	m.looked, m.pending = c.loop.now, unsent
}

// readStart and writeStart are since when the peer is being waited for: now, if
// it is not.
func (c *Conn) readStart() int64 {
	if c.is(stReceiving) && !c.is(stStopping) {
		return c.lastRead
	}
	return c.loop.now
}

func (c *Conn) writeStart() int64 {
	if c.is(stSending) {
		return c.lastWrite
	}
	return c.loop.now
}

// checkTimeouts runs when the timer fires.
func (c *Conn) checkTimeouts() {
	if c.is(stEnding) {
		return
	}
	c.look()
	m, now := c.more, c.loop.now
	over := func(since int64, d time.Duration) bool { return d > 0 && now-since >= int64(d) }
	switch {
	case over(c.writeStart(), m.write):
		c.abort(ErrSlowPeer)
	case m.linger > 0 && over(max(m.linger, c.lastWrite), c.loop.rt.cfg.LingerTimeout):
		c.abort(ErrSlowPeer)
	case over(c.readStart(), m.read):
		c.abort(ErrReadTimeout)
	case over(max(c.lastRead, c.lastWrite), m.idle):
		c.abort(ErrIdle)
	default:
		c.armTimer()
	}
}

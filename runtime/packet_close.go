package runtime

import (
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// packetLists are the datagram sockets of a loop with something to do.
type packetLists struct {
	ready []*PacketConn // something arrived or ended: callbacks are due
	dirty []*PacketConn // something waits to be sent
}

func (p *packetLists) empty() bool { return len(p.ready)+len(p.dirty) == 0 }

func (c *PacketConn) markReady() {
	if !c.is(psReady) {
		c.state |= psReady
		c.loop.packets.ready = append(c.loop.packets.ready, c)
	}
}

func (c *PacketConn) markDirty() {
	if !c.is(psDirty) {
		c.state |= psDirty
		c.loop.packets.dirty = append(c.loop.packets.dirty, c)
	}
}

// deliverPackets runs the callbacks of datagram sockets.
func (l *Loop) deliverPackets() {
	n := len(l.packets.ready)
	for done := 0; done < n; {
		done = l.deliverSomePackets(done, n)
	}
	rest := copy(l.packets.ready, l.packets.ready[n:])
	clear(l.packets.ready[rest:])
	l.packets.ready = l.packets.ready[:rest]
}

// deliverSomePackets delivers until the end or a panic, which ends its socket.
func (l *Loop) deliverSomePackets(from, to int) (done int) {
	var current *PacketConn
	defer func() {
		if current != nil {
			l.contain("callback", recover())
			current.abort(ErrPanic)
		}
	}()
	for done = from; done < to; {
		current = l.packets.ready[done]
		done++
		current.deliver()
	}
	current = nil
	return done
}

// flushPackets submits what callbacks queued.
func (l *Loop) flushPackets() {
	for i := 0; i < len(l.packets.dirty); i++ {
		c := l.packets.dirty[i]
		l.packets.dirty[i] = nil
		c.flush()
	}
	l.packets.dirty = l.packets.dirty[:0]
}

// Close stops receiving, sends what is queued, for Config.LingerTimeout at most,
// closes the socket and calls Closed. Further calls do nothing.
func (c *PacketConn) Close() error {
	c.loop.mustRun("PacketConn.Close")
	if c.is(psClosing | psEnding) {
		return nil
	}
	c.state |= psClosing
	if c.is(psReceiving) {
		c.loop.engine.Cancel(&c.recvOp)
	}
	if d := c.loop.rt.cfg.LingerTimeout; d > 0 && c.bytes > 0 {
		c.lingering = c.loop.AfterFunc(d, func() { c.abort(nil) })
	}
	c.markDirty()
	return nil
}

// Abort closes the socket at once: what is queued is dropped. Closed is called
// with err.
func (c *PacketConn) Abort(err error) {
	c.loop.mustRun("PacketConn.Abort")
	c.abort(err)
}

// Closing reports whether the socket is closed or about to be.
func (c *PacketConn) Closing() bool { return c.is(psClosing | psEnding) }

// stop is what the runtime's end does to the socket.
func (c *PacketConn) stop() { c.abort(ErrClosed) }

func (c *PacketConn) fail(err error) { c.abort(err) }

func (c *PacketConn) abort(err error) {
	if c.err == nil && !c.is(psEnding) {
		c.err = err
	}
	c.finish()
}

// finish gives the socket to the engine to close. What is in flight has its final
// completion before the close has.
func (c *PacketConn) finish() {
	if c.is(psEnding) {
		return
	}
	c.countDrops()
	c.state |= psEnding
	c.loop.engine.Submit(&c.closeOp)
}

// ended releases everything and tells the handler. The engine has let go.
func (c *PacketConn) ended() {
	l := c.loop
	delete(l.others, c)
	if c.dialed {
		l.numConns.Add(-1)
	}
	if c.lingering != nil {
		c.lingering.Stop()
	}
	c.releaseInbox()
	for _, s := range c.waiting {
		c.stats.Dropped += uint64(s.count)
		s.data.Release()
	}
	c.waiting, c.spare, c.failures, c.bytes = nil, nil, nil, 0
	l.stats.Packets.Add(&c.stats)
	if ln := c.listener; ln != nil {
		ln.gone(c)
	}
	if c.handler != nil {
		l.later(nil, func() { c.handler.Closed(c, c.err) })
	}
}

// newPacketConn makes the PacketConn of a socket and asks for its handler. It is
// called on the loop, where callbacks may run.
func (l *Loop) newPacketConn(s driver.Socket, network string, cfg *PacketConfig, ln *PacketListener) *PacketConn {
	c := &PacketConn{loop: l, sock: s, network: network, listener: ln, maxQueue: cfg.SendQueue}
	if c.maxQueue <= 0 {
		c.maxQueue = l.rt.cfg.UnsentHigh
	}
	c.recvExt.Len = int64(cfg.MaxDatagram)
	if cfg.GRO {
		c.recvExt.Len = maxDatagram
	}
	c.recvOp = driver.Op{Code: driver.RecvFrom, Owner: c, Socket: s, Ext: &c.recvExt}
	c.closeOp = driver.Op{Code: driver.Close, Owner: c, Socket: s}
	c.local, c.remote = l.engine.LocalAddr(s), l.engine.RemoteAddr(s)
	c.atOnce = 1
	if _, ok := c.local.(*net.UDPAddr); ok {
		c.atOnce = sendsAtOnce
		if l.caps.SegmentOffload {
			c.joinMax = joinLongest
		}
	}
	for opt, v := range map[driver.Option]int{driver.ReadBuffer: cfg.ReadBuffer, driver.WriteBuffer: cfg.WriteBuffer} {
		if v > 0 {
			_ = l.engine.SetOption(s, opt, v) // the system's limit counts
		}
	}
	l.others[c] = struct{}{}
	return c
}

// begin gives the socket its handler.
func (c *PacketConn) begin(accept PacketAcceptFunc) {
	ok := false
	defer func() {
		if !ok {
			c.loop.contain("accept", recover())
			c.abort(ErrPanic)
		}
	}()
	c.handler = accept(c)
	ok = true
	switch {
	case c.handler == nil:
		c.abort(nil)
		return
	case c.loop.quit:
		c.abort(ErrClosed)
		return
	}
	c.receive()
	ok = false
	if h, is := c.handler.(PacketOpenHandler); is {
		h.Open(c)
	}
	ok = true
}

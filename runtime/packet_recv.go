package runtime

import (
	"errors"
	"io"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// arrival is a datagram that the handler has not seen yet.
type arrival struct {
	from      PacketAddr
	chunk     *buffers.Chunk
	oob       []byte // memory that is used again
	segment   int    // of a joined one: bytes of each
	truncated bool
	oobCut    bool
}

// Pause stops receiving: no Datagram is called until Resume. What does not fit
// into the kernel's queue meanwhile is dropped there.
func (c *PacketConn) Pause() {
	c.loop.mustRun("PacketConn.Pause")
	if c.is(psPaused) {
		return
	}
	c.state |= psPaused
	if c.is(psReceiving) {
		c.loop.engine.Cancel(&c.recvOp)
	}
}

// Resume goes on receiving after Pause.
func (c *PacketConn) Resume() {
	c.loop.mustRun("PacketConn.Resume")
	if !c.is(psPaused) {
		return
	}
	c.state &^= psPaused
	if len(c.inbox) > 0 {
		c.markReady()
	}
	c.receive()
}

// receive starts receiving, if it may. What came before is told first: who pauses
// after each datagram would else receive many more with every Resume.
func (c *PacketConn) receive() {
	if c.told == len(c.inbox) && !c.is(psReceiving|psPaused|psClosing|psEnding) {
		c.state |= psReceiving
		c.loop.engine.Submit(&c.recvOp)
	}
}

// Complete receives the engine's completions. It is not for programs.
func (c *PacketConn) Complete(op *driver.Op, r *driver.Result) {
	if op.Code == driver.Close {
		c.state |= psEnded
		c.markReady()
		return
	}
	if r.Chunk != nil {
		c.arrived(r)
	}
	if r.More {
		return
	}
	c.state &^= psReceiving
	switch {
	case r.Err == nil || errors.Is(r.Err, driver.ErrCanceled):
		c.receive()
	case c.is(psEnding):
	default:
		c.recvErr = r.Err
		c.markReady()
	}
}

func (c *PacketConn) arrived(r *driver.Result) {
	if c.is(psClosing | psEnding) {
		r.Chunk.Release()
		return
	}
	n := len(c.inbox)
	if n < cap(c.inbox) {
		c.inbox = c.inbox[:n+1]
	} else {
		c.inbox = append(c.inbox, arrival{})
	}
	a := &c.inbox[n]
	a.chunk, a.oob, a.segment, a.truncated = c.fitting(r.Chunk), a.oob[:0], 0, false
	a.oobCut = false
	if m := r.Msg; m != nil {
		a.from = PacketAddrOf(m.Remote)
		a.oob = append(a.oob, m.OOB...)
		a.segment, a.truncated, a.oobCut = m.Segment, m.Truncated, m.OOBCut
	} else {
		a.from = PacketAddr{}
	}
	c.markReady()
}

// fitting moves a datagram out of a chunk that was made for the longest one, which
// it would hold as long as somebody holds the datagram.
func (c *PacketConn) fitting(chunk *buffers.Chunk) *buffers.Chunk {
	const much = 4
	if chunk.Cap() <= c.loop.rt.cfg.RecvBufferSize || chunk.Len() > chunk.Cap()/much {
		return chunk
	}
	small := c.loop.pool.Get(chunk.Len())
	if small == nil {
		return chunk
	}
	small.Extend(copy(small.Room(), chunk.Bytes()))
	chunk.Release()
	return small
}

// deliver tells the handler what is new.
func (c *PacketConn) deliver() {
	c.state &^= psReady
	if c.is(psEnded) {
		c.ended()
		return
	}
	for c.told < len(c.inbox) && !c.is(psPaused|psClosing|psEnding) {
		a := &c.inbox[c.told]
		c.told++
		if !c.tell(a) {
			c.told-- // the rest of it comes after Resume
		}
	}
	if c.told == len(c.inbox) {
		c.inbox, c.told = c.inbox[:0], 0
	}
	c.tellFailures()
	if c.is(psFull) && !c.is(psClosing|psEnding) && c.bytes <= c.maxQueue/2 {
		c.state &^= psFull
		if h, ok := c.handler.(PacketDrainHandler); ok {
			h.Drained(c)
		}
	}
	if err := c.recvErr; err != nil {
		c.recvErr = nil
		c.receiveFailed(err)
	}
	c.receive()
}

// tell gives the handler one arrival: one datagram, or the several that it joins. It
// reports whether that was all: a Pause keeps the others.
func (c *PacketConn) tell(a *arrival) (all bool) {
	whole := a.chunk
	for a.segment > 0 && whole.Len() > a.segment && !c.is(psClosing|psEnding) {
		piece := whole.Slice(0, a.segment)
		whole.TrimFront(a.segment)
		a.chunk = whole // released with the inbox, should the handler panic
		c.tellOne(a, piece, false)
		if c.is(psPaused) {
			return false
		}
	}
	a.chunk = nil
	c.tellOne(a, whole, a.truncated)
	return true
}

func (c *PacketConn) tellOne(a *arrival, chunk *buffers.Chunk, truncated bool) {
	d := &c.now
	d.From, d.Truncated, d.OOBCut, d.chunk, d.oob = a.from, truncated, a.oobCut, chunk, a.oob
	c.stats.Received++
	if truncated {
		c.stats.Truncated++
	}
	if !c.is(psClosing | psEnding) {
		c.handler.Datagram(c, d)
	}
	if d.chunk != nil {
		d.chunk.Release()
		d.chunk = nil
	}
}

// receiveFailed handles an error that ended receiving. Those that tell of an
// earlier datagram's fate leave the socket whole.
func (c *PacketConn) receiveFailed(err error) {
	if !aboutPeer(err) {
		if err == io.EOF {
			err = nil
		}
		c.fail(c.opErr("read", "recvmsg", err))
		return
	}
	c.stats.Errors++
	if h, ok := c.handler.(PacketErrorHandler); ok {
		h.Failed(c, PacketAddr{}, c.opErr("read", "recvmsg", err))
	}
	c.receive()
}

// aboutPeer tells the errors with which the system passes on what it heard from
// the network.
func aboutPeer(err error) bool {
	for _, e := range [...]error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.EMSGSIZE, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EACCES,
		syscall.EPERM, syscall.EPROTO, syscall.ENOBUFS, syscall.ENOMEM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// releaseInbox drops what was received and not delivered.
func (c *PacketConn) releaseInbox() {
	if d := &c.now; d.chunk != nil {
		d.chunk.Release()
		d.chunk = nil
	}
	for i := range c.inbox {
		if a := &c.inbox[i]; a.chunk != nil {
			a.chunk.Release()
			a.chunk = nil
		}
	}
	c.inbox, c.told = nil, 0
}

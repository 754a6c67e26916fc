package runtime

import (
	"net"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// packetQueue is what a socket has to send.
//
// Datagrams of one size to one peer wait together, as one run of bytes that the
// kernel cuts up (UDP_SEGMENT): a send costs about as much as the one datagram.
type packetQueue struct {
	waiting  []*packetSend // to be submitted with the turn
	spare    []*packetSend
	failures []packetFailure
	open     [openRuns]*packetSend // runs of waiting that can grow, by a hash of their peer
	inflight int                   // with the engine
	bytes    int                   // waiting and in flight
	joinMax  int                   // the longest datagram to be joined with others; 0 for none
	atOnce   int                   // how many may be with the engine
}

const (
	openRuns = 64 // a power of two
	// joinCount and joinBytes bound a run, as the kernel does (UDP_MAX_SEGMENTS, and
	// the length field of UDP).
	joinCount = 64
	joinBytes = 65000
	// joinLongest is more than any network of Ethernet's kind takes at once.
	joinLongest = 9000
	// maxWaiting bounds the records: an empty datagram has no bytes that would count.
	maxWaiting = 16 << 10
	// sendsAtOnce bounds what is with the engine. Of Unix sockets, which promise to
	// keep the order, one is.
	sendsAtOnce = 128
)

// packetSend is one send: a datagram, or a run of them.
type packetSend struct {
	c       *PacketConn
	op      driver.Op
	ext     driver.Ext
	data    buffers.Chain
	to      PacketAddr
	remote  packetRemote
	oob     []byte
	segment int // length of each datagram but the last, which may be shorter
	count   int
	slot    int // in packetQueue.open, -1 for none
}

type packetFailure struct {
	to  PacketAddr
	err error
}

// Send sends the chunk's bytes as one datagram to an address, the zero one on a
// connected socket. It takes the chunk, also when it returns an error. Datagrams
// leave at the end of the loop's turn; those to one peer in order.
//
// ErrPacketQueue tells that the system does not take them as fast as they come,
// and that this one was dropped: see Full.
func (c *PacketConn) Send(chunk *buffers.Chunk, to PacketAddr) error {
	c.loop.mustRun("PacketConn.Send")
	if chunk == nil {
		return c.WriteTo(nil, to)
	}
	if n := chunk.Len(); n <= c.loop.rt.cfg.Sizes.Coalesce {
		err := c.WriteTo(chunk.Bytes(), to)
		chunk.Release()
		return err
	}
	s, err := c.queue(to, chunk.Len(), nil)
	if err != nil {
		chunk.Release()
		return err
	}
	s.data.Append(chunk)
	return nil
}

// WriteTo is Send of a copy of p.
func (c *PacketConn) WriteTo(p []byte, to PacketAddr) error {
	return c.WriteMsg(p, to, nil)
}

// WriteMsg is WriteTo with control messages as sendmsg(2) takes them, as those of
// PacketInfo.Append. They are copied.
func (c *PacketConn) WriteMsg(p []byte, to PacketAddr, oob []byte) error {
	c.loop.mustRun("PacketConn.WriteMsg")
	s, err := c.queue(to, len(p), oob)
	if err != nil {
		return err
	}
	if s.add(p) {
		return nil
	}
	c.bytes -= len(p)
	c.stats.Dropped++
	s.count--
	if s.count == 0 {
		c.unqueue(s)
	}
	return ErrNoMemory
}

// Full reports whether the queue is: what is sent now is dropped.
func (c *PacketConn) Full() bool {
	if c.bytes < c.maxQueue && len(c.waiting) < maxWaiting {
		return false
	}
	c.state |= psFull
	return true
}

// Unsent is how many bytes wait to be taken by the kernel.
func (c *PacketConn) Unsent() int { return c.bytes }

// queue finds the run that a datagram of n bytes joins, or begins one.
func (c *PacketConn) queue(to PacketAddr, n int, oob []byte) (*packetSend, error) {
	if c.is(psClosing | psEnding) {
		return nil, c.opErr("write", "", net.ErrClosed)
	}
	if c.Full() {
		c.stats.Dropped++
		return nil, ErrPacketQueue
	}
	c.bytes += n
	slot := int(to.Port()) & (openRuns - 1)
	alone := n == 0 || n > c.joinMax || len(oob) > 0
	if s := c.open[slot]; s != nil {
		if !alone && s.joins(to, n) {
			s.count++
			if n < s.segment || s.count == joinCount {
				s.shut()
			}
			return s, nil
		}
		s.shut() // nothing overtakes this one
	}
	if alone {
		s := c.newSend(to, n, -1)
		s.oob = append(s.oob, oob...)
		return s, nil
	}
	s := c.newSend(to, n, slot)
	c.open[slot] = s
	return s, nil
}

// joins reports whether a datagram fits into the run.
func (s *packetSend) joins(to PacketAddr, n int) bool {
	return s.to == to && n <= s.segment && s.data.Len()+n <= joinBytes
}

// shut ends the run: what comes begins another.
func (s *packetSend) shut() {
	if s.slot >= 0 && s.c.open[s.slot] == s {
		s.c.open[s.slot] = nil
	}
	s.slot = -1
}

func (c *PacketConn) newSend(to PacketAddr, n, slot int) *packetSend {
	var s *packetSend
	if k := len(c.spare); k > 0 {
		s = c.spare[k-1]
		c.spare = c.spare[:k-1]
	} else {
		s = &packetSend{c: c}
		s.op = driver.Op{Code: driver.SendTo, Owner: s, Socket: c.sock, Chain: &s.data, Ext: &s.ext}
	}
	s.to, s.segment, s.count, s.slot = to, n, 1, slot
	c.waiting = append(c.waiting, s)
	c.markDirty()
	return s
}

// unqueue takes a send back that was queued last.
func (c *PacketConn) unqueue(s *packetSend) {
	for i := len(c.waiting) - 1; i >= 0; i-- {
		if c.waiting[i] == s {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	c.recycle(s)
}

// recycle keeps the record for the next send.
func (c *PacketConn) recycle(s *packetSend) {
	s.shut()
	s.data.Release()
	s.to, s.oob, s.count = PacketAddr{}, s.oob[:0], 0
	s.ext = driver.Ext{}
	if len(c.spare) < sendsAtOnce {
		c.spare = append(c.spare, s)
	}
}

// add copies a datagram to the end of the run: all of it, or nothing.
func (s *packetSend) add(p []byte) bool {
	if len(p) == 0 {
		return true
	}
	const ahead = 16 // more of the same may follow
	pool := s.c.loop.pool
	if len(p) > largestChunk {
		return s.data.AppendCopy(pool, p) == len(p)
	}
	want := len(p)
	if s.slot >= 0 {
		want = max(want, min(ahead*want, s.c.loop.rt.cfg.Sizes.Open))
	}
	room := []byte(nil)
	if tail := s.data.Tail(); tail != nil {
		room = tail.Room()
	}
	if len(room) < len(p) {
		if room = s.data.Reserve(pool, want); len(room) < len(p) {
			return false
		}
	}
	s.data.Extend(copy(room, p))
	return true
}

// flush submits what waits.
func (c *PacketConn) flush() {
	c.state &^= psDirty
	if c.is(psEnding) {
		return
	}
	n := min(len(c.waiting), c.atOnce-c.inflight)
	for _, s := range c.waiting[:n] {
		c.submit(s)
	}
	rest := copy(c.waiting, c.waiting[n:])
	clear(c.waiting[rest:])
	c.waiting = c.waiting[:rest]
	if c.is(psClosing) && rest == 0 && c.inflight == 0 {
		c.finish()
	}
}

func (c *PacketConn) submit(s *packetSend) {
	s.shut()
	s.ext.Remote, s.ext.OOB, s.ext.Segment = s.remote.set(s.to), s.oob, 0
	if s.count > 1 {
		s.ext.Segment = s.segment
	}
	c.inflight++
	c.loop.engine.Submit(&s.op)
}

// Complete receives the engine's completions.
func (s *packetSend) Complete(_ *driver.Op, r *driver.Result) {
	c := s.c
	c.inflight--
	if r.Err != nil && s.count > 1 && c.separate(s, r.Err) {
		return
	}
	c.bytes -= s.data.Len()
	c.stats.Sends++
	if r.Err == nil {
		c.stats.Sent += uint64(s.count)
	} else {
		c.stats.Dropped += uint64(s.count)
		c.sendFailed(s, r.Err)
	}
	c.recycle(s)
	if len(c.waiting) > 0 || c.is(psClosing) {
		c.markDirty()
	}
	if c.is(psFull) && c.bytes <= c.maxQueue/2 {
		c.markReady()
	}
}

// separate queues the datagrams of a run one by one, if what is wrong is that they
// were joined: too long for the path, or a device that can not do it.
func (c *PacketConn) separate(s *packetSend, err error) bool {
	switch err {
	case syscall.EINVAL, syscall.EMSGSIZE:
		c.joinMax = min(c.joinMax, s.segment-1)
	case syscall.EIO, syscall.EOPNOTSUPP:
		c.joinMax = 0
	default:
		return false
	}
	if c.is(psEnding) {
		return false
	}
	for !s.data.Empty() {
		n := min(s.segment, s.data.Len())
		one := c.newSend(s.to, n, -1)
		one.data = s.data.Split(n)
	}
	c.recycle(s)
	return true
}

// maxFailures bounds what is remembered of one turn.
const maxFailures = 64

func (c *PacketConn) sendFailed(s *packetSend, err error) {
	c.stats.Errors++
	if c.is(psEnding) || len(c.failures) == maxFailures {
		return
	}
	if _, ok := c.handler.(PacketErrorHandler); ok {
		c.failures = append(c.failures, packetFailure{s.to, err})
		c.markReady()
	}
}

// tellFailures tells the handler what could not be sent.
func (c *PacketConn) tellFailures() {
	h, ok := c.handler.(PacketErrorHandler)
	for len(c.failures) > 0 && ok && !c.is(psEnding) {
		f := c.failures[0]
		c.failures = c.failures[1:]
		h.Failed(c, f.to, opError("write", "sendmsg", c.network, c.local, f.to.NetAddr(), f.err))
	}
	c.failures = c.failures[:0]
}

package runtime

import "syscall"

// ErrPacketQueue is returned for a datagram that was dropped because too many wait
// to be sent. It is syscall.ENOBUFS to errors.Is.
var ErrPacketQueue error = &namedError{"headrace: datagram send queue full", syscall.ENOBUFS}

// PacketStats are the counters of datagram sockets.
type PacketStats struct {
	Received    uint64 // datagrams delivered
	Truncated   uint64 // of these, cut
	KernelDrops uint64 // dropped by the kernel before we could receive them; 0 where it does not tell
	Sent        uint64 // datagrams that the kernel took
	Sends       uint64 // in so many sends
	Dropped     uint64 // datagrams that were to be sent and were not
	Errors      uint64 // errors of sending, and those that the network reported
}

// Add adds o to s, counter by counter.
func (s *PacketStats) Add(o *PacketStats) {
	s.Received += o.Received
	s.Truncated += o.Truncated
	s.KernelDrops += o.KernelDrops
	s.Sent += o.Sent
	s.Sends += o.Sends
	s.Dropped += o.Dropped
	s.Errors += o.Errors
}

// Stats returns the socket's counters.
func (c *PacketConn) Stats() PacketStats {
	c.loop.mustRun("PacketConn.Stats")
	c.countDrops()
	return c.stats
}

// countDrops asks the kernel, which counts for as long as the socket is open.
func (c *PacketConn) countDrops() {
	if !c.is(psEnding) {
		_ = c.loop.engine.Control(c.sock, func(fd uintptr) { c.stats.KernelDrops = kernelDrops(fd) })
	}
}

// packetStats is what the loop's datagram sockets count together.
func (l *Loop) packetStats() PacketStats {
	sum := l.stats.Packets // of those that have closed
	for s := range l.others {
		if c, ok := s.(*PacketConn); ok {
			c.countDrops()
			sum.Add(&c.stats)
		}
	}
	return sum
}

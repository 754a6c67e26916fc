//go:build linux

package epoll

import (
	"io"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

const (
	// A socket asks for twice as many datagrams as it got last, between these.
	// Never for one: to get fewer than asked saves the call that finds none.
	minDatagrams, maxDatagrams = 2, 16
	// maxGrams is how many datagrams wait for delivery.
	maxGrams = 64
	// maxDatagram is the longest datagram, joined ones included.
	maxDatagram = 64 << 10
)

// gram is what comes with a datagram, until it is delivered.
type gram struct {
	msg  driver.Msg
	from sock.AddrBuf
	name unix.RawSockaddrAny
	oob  [sock.ControlSpace]byte
}

// datagrams is memory for receiving them.
type datagrams struct {
	all    []*gram
	used   int // of all, until the next delivery
	hdrs   [maxDatagrams]mmsghdr
	iovs   [maxDatagrams]unix.Iovec
	chunks [maxDatagrams]*buffers.Chunk
}

// full tells whether results must be delivered before more are received.
func (d *datagrams) full() bool { return d.used > maxGrams-maxDatagrams }

// gram returns the i-th one after those in use.
func (d *datagrams) gram(i int) *gram {
	for d.used+i >= len(d.all) {
		d.all = append(d.all, new(gram))
	}
	return d.all[d.used+i]
}

// recvFrom receives a batch of datagrams and tells whether the operation came to
// its end.
func (e *engine) recvFrom(index uint32, s *socket, slot uint32) bool {
	d := &e.grams
	size := e.cfg.RecvBufferSize
	if s.is(joined) {
		size = max(size, maxDatagram)
	}
	if x := e.records.at(slot).op.Ext; x != nil && x.Len > int64(size) {
		size = int(min(x.Len, maxDatagram))
	}
	asked := 0
	for asked < int(s.batch) {
		c := e.chunk(size)
		if c == nil {
			break
		}
		d.prepare(asked, c, size)
		asked++
	}
	if asked == 0 {
		e.starve(index, s)
		return false
	}
	s.flags &^= starved
	got, errno := recvmmsg(s.fd, d.hdrs[:asked])
	clear(d.iovs[:asked])
	for i := got; i < asked; i++ {
		e.keep(d.chunks[i])
		d.chunks[i] = nil
	}
	if got == 0 {
		if errno == 0 {
			errno = unix.EAGAIN
		}
		if errno == unix.EAGAIN && s.is(readClosed) {
			errno = 0 // the kernel tells the end to calls that wait, and to no others
		}
		return e.recvEnd(index, s, slot, 0, errno)
	}
	first := d.used
	d.used += got // until they are delivered
	for i := range got {
		if e.datagram(s, slot, i, d.all[first+i]) {
			for j := i + 1; j < got; j++ {
				e.keep(d.chunks[j])
				d.chunks[j] = nil
			}
			return true
		}
	}
	s.batch = uint8(min(max(2*got, minDatagrams), maxDatagrams))
	if got < asked && !s.is(connected|hungUp) {
		e.empty(index, s) // on connected ones an error can be behind
	}
	return false
}

// prepare fills in the header for one datagram.
func (d *datagrams) prepare(i int, c *buffers.Chunk, size int) {
	room := c.Room()
	room = room[:min(len(room), size)]
	d.chunks[i] = c
	d.iovs[i].Base = &room[0]
	d.iovs[i].SetLen(len(room))
	g := d.gram(i)
	h := &d.hdrs[i]
	h.hdr = unix.Msghdr{
		Name: (*byte)(unsafe.Pointer(&g.name)), Namelen: unix.SizeofSockaddrAny,
		Iov: &d.iovs[i], Control: &g.oob[0],
	}
	h.hdr.SetIovlen(1)
	h.hdr.SetControllen(len(g.oob))
	h.n = 0
}

// datagram puts a received one in line for delivery. It tells whether it was the
// end instead, which CloseRead made.
func (e *engine) datagram(s *socket, slot uint32, i int, g *gram) bool {
	d := &e.grams
	h := &d.hdrs[i]
	c, n := d.chunks[i], int(h.n)
	d.chunks[i] = nil
	if n == 0 && h.hdr.Namelen == 0 && s.is(readClosed) {
		e.keep(c)
		e.finish(slot, driver.Result{Err: io.EOF})
		return true
	}
	if n > 0 {
		c.Extend(n)
	}
	g.msg = driver.Msg{
		Remote:    g.from.Decode(networks[s.kind], &g.name, h.hdr.Namelen),
		OOB:       g.oob[:h.hdr.Controllen],
		Truncated: h.hdr.Flags&unix.MSG_TRUNC != 0,
		OOBCut:    h.hdr.Flags&unix.MSG_CTRUNC != 0,
	}
	if s.is(joined) {
		if size := sock.Segment(g.msg.OOB); size < n {
			g.msg.Segment = size
		}
	}
	e.took(n)
	e.emit(slot, driver.Result{Chunk: c, Msg: &g.msg})
	return false
}

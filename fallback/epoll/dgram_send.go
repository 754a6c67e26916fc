//go:build linux

package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// maxSends is how many sends of datagrams one call makes.
const maxSends = 32

// outgoing is memory for one call that sends datagrams.
type outgoing struct {
	hdrs   [maxSends]mmsghdr
	sends  [maxSends]outgoingSend
	n      int // of both
	pieces int // of engine.iovs
	filled int // likewise, with those of a datagram that did not fit
	total  int // bytes
}

// outgoingSend is what belongs to a header.
type outgoingSend struct {
	slot uint32
	want int // bytes
	to   sock.Sockaddr
	oob  []byte
}

// pumpDatagrams sends those of this Poll, which were left so that one call takes many.
func (e *engine) pumpDatagrams() {
	for _, r := range e.sending {
		if s, ok := e.deref(r); ok && s.pendingWrite() {
			e.pumpWrite(r.index, s)
		}
	}
	e.sending = e.sending[:0]
}

// sendDatagrams makes the sends at the head of the queue, as many as one call takes,
// and tells whether there can be more.
func (e *engine) sendDatagrams(index uint32, s *socket) bool {
	o := &e.outgoing
	defer e.clearOutgoing()
	for slot := s.wr.head; slot != none && o.n < maxSends && o.total < sendMax; {
		r := e.records.at(slot)
		if r.op.Code != driver.SendTo {
			break
		}
		fits, err := e.addDatagram(s, slot, r.op)
		if err != nil && o.n == 0 {
			e.fail(slot, err)
			e.unlink(&s.wr, slot)
			return true
		}
		if !fits || err != nil {
			break // the first of the next call
		}
		slot = r.next
	}
	sent, errno := e.callSend(s)
	if errno == unix.EAGAIN && s.kind == kindUnixgram {
		// The receiver's queue is full, and it may not tell us when it is not.
		e.park(index, s)
		return false
	}
	if errno != 0 {
		sent = 1 // the error is the first one's; what is behind it was not tried
	}
	for i := range o.sends[:sent] {
		x := &o.sends[i]
		if !e.sendEnd(s, x.slot, int(o.hdrs[i].n), x.want, errno) {
			return false
		}
		e.unlink(&s.wr, x.slot)
	}
	return true
}

// callSend makes the call. Without an error at least one was sent; what kept the
// others back, the next call tells.
func (e *engine) callSend(s *socket) (sent int, errno unix.Errno) {
	o := &e.outgoing
	if o.n > 1 {
		return sendmmsg(s.fd, o.hdrs[:o.n], o.total)
	}
	n, errno := sendmsg(s.fd, &o.hdrs[0].hdr, o.total)
	o.hdrs[0].n = uint32(n)
	return 1, errno
}

// addDatagram adds one datagram to the call, or as many as Segment makes of it. It tells
// whether there was room for it.
func (e *engine) addDatagram(s *socket, slot uint32, op *driver.Op) (fits bool, err error) {
	o := &e.outgoing
	x, h := &o.sends[o.n], &o.hdrs[o.n]
	iovs := e.iovs[o.pieces:]
	n, total := gather(iovs, op.Chain, maxDatagram)
	o.filled = o.pieces + n
	if op.Chain != nil && total < op.Chain.Len() {
		switch {
		case op.Chain.Len() > maxDatagram:
			return false, unix.EMSGSIZE
		case o.n > 0:
			return false, nil
		}
		whole := op.Chain.Bytes() // all or nothing: more pieces than one call gathers
		n, total = 1, len(whole)
		iovs[0].Base = &whole[0]
		iovs[0].SetLen(total)
	}
	h.hdr = unix.Msghdr{}
	if n > 0 {
		h.hdr.Iov = &iovs[0]
		h.hdr.SetIovlen(n)
	}
	if err := x.address(&h.hdr, int(s.family), op.Ext, total); err != nil {
		return false, err
	}
	x.slot, x.want, h.n = slot, total, 0
	o.n++
	o.pieces += n
	o.total += total
	return true, nil
}

// address adds destination and control messages to the header.
func (x *outgoingSend) address(h *unix.Msghdr, family int, ext *driver.Ext, total int) error {
	if ext == nil {
		return nil
	}
	if ext.Remote != nil {
		if err := x.to.Set(family, ext.Remote); err != nil {
			return err
		}
		h.Name = (*byte)(x.to.Pointer())
		h.Namelen = x.to.Len()
	}
	oob := ext.OOB
	if ext.Segment > 0 && ext.Segment < total {
		if ext.Segment > maxDatagram-1 {
			return unix.EINVAL
		}
		x.oob = append(x.oob[:0], oob...)
		x.oob = sock.AppendSegment(x.oob, uint16(ext.Segment))
		oob = x.oob
	}
	if len(oob) > 0 {
		h.Control = &oob[0]
		h.SetControllen(len(oob))
	}
	return nil
}

// clearOutgoing lets go of what the call was made of, and of a datagram that was found
// not to fit, or wrong.
func (e *engine) clearOutgoing() {
	o := &e.outgoing
	clear(e.iovs[:o.filled])
	clear(o.hdrs[:min(o.n+1, maxSends)])
	o.n, o.pieces, o.filled, o.total = 0, 0, 0, 0
}

// canSegment tries UDP_SEGMENT (since Linux 4.18).
func canSegment() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, 1400) == nil
}

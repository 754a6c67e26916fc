//go:build linux

package uring

import (
	"encoding/binary"
	"io"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// What a multishot RECVMSG lays into a buffer: struct io_uring_recvmsg_out, room
// for the name and for control messages as the template said, then the datagram.
const (
	dgramHeader  = 16
	dgramName    = unix.SizeofSockaddrAny
	dgramControl = sock.ControlSpace
	dgramData    = dgramHeader + dgramName + dgramControl
)

// datagram is the driver.Msg of the one being delivered, with its address, so
// that datagrams of IP allocate nothing.
type datagram struct {
	msg driver.Msg
	udp net.UDPAddr
	ip  [16]byte
}

func (e *engine) armRecvFrom(i uint32, s *slot) bool {
	if e.isLong(s) {
		return e.armRecvLong(i, s)
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	tmpl := &s.ext().tmpl // the kernel's until the final completion
	tmpl.Namelen = dgramName
	tmpl.SetControllen(dgramControl)
	sqe.PrepRecvMsgMultishot(int(s.fd), tmpl, recvGroup)
	s.flags &^= fed
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// receivedFrom handles a completion of RecvFrom, as received does for Recv.
func (e *engine) receivedFrom(i uint32, s *slot, c ring.CQE) {
	if e.isLong(s) {
		e.receivedLong(i, s, c)
		return
	}
	if c.Res >= dgramData && c.HasBuffer() {
		chunk := e.recv.take(c.BufferID(), int(c.Res))
		e.parseDatagram(chunk, &s.extra.tmpl, s.fd)
		e.stats.BytesIn += uint64(chunk.Len())
		s.flags |= fed
		if c.More() {
			e.deliver(s.op, driver.Result{Chunk: chunk, Msg: &e.msg.msg})
			return
		}
		e.disarm(i)
		e.deliver(s.op, driver.Result{Chunk: chunk, Msg: &e.msg.msg})
		e.rearm(i)
		return
	}
	if c.HasBuffer() {
		e.recv.drop(c.BufferID())
	}
	if c.More() {
		return
	}
	e.disarm(i)
	if c.Res == 0 {
		e.finish(i, driver.Result{Err: io.EOF})
		return
	}
	e.recvEnded(i, c.Res)
}

// parseDatagram fills e.msg and trims the chunk to the datagram.
func (e *engine) parseDatagram(chunk *buffers.Chunk, tmpl *unix.Msghdr, fd int32) {
	m, _ := ring.ParseRecvMsg(chunk.Bytes(), tmpl)
	e.msg.msg = driver.Msg{
		Remote:    e.remote(m.Name, fd),
		OOB:       m.Control,
		Truncated: m.Flags&unix.MSG_TRUNC != 0,
		OOBCut:    m.Flags&unix.MSG_CTRUNC != 0,
		Segment:   sock.Segment(m.Control),
	}
	chunk.TrimFront(dgramData)
}

// remote decodes a sockaddr. The address is valid until the next call.
func (e *engine) remote(name []byte, fd int32) net.Addr {
	if len(name) < 2 {
		return nil
	}
	d := &e.msg
	switch binary.NativeEndian.Uint16(name) {
	case unix.AF_INET:
		if len(name) < unix.SizeofSockaddrInet4 {
			return nil
		}
		copy(d.ip[:4], name[4:8])
		d.udp = net.UDPAddr{IP: d.ip[:4:4], Port: int(binary.BigEndian.Uint16(name[2:]))}
		return &d.udp
	case unix.AF_INET6:
		if len(name) < unix.SizeofSockaddrInet6 {
			return nil
		}
		if scope := binary.NativeEndian.Uint32(name[24:]); scope != 0 {
			break // the name of a zone has to be looked up
		}
		copy(d.ip[:], name[8:24])
		ip := net.IP(d.ip[:])
		if ip4 := ip.To4(); ip4 != nil {
			ip = ip4
		}
		d.udp = net.UDPAddr{IP: ip, Port: int(binary.BigEndian.Uint16(name[2:]))}
		return &d.udp
	}
	var sa unix.RawSockaddrAny
	n := copy(unsafe.Slice((*byte)(unsafe.Pointer(&sa)), unsafe.Sizeof(sa)), name)
	return sock.Decode(sock.Network(int(fd)), &sa, uint32(n))
}

// armSendTo sends the chain as one message.
func (e *engine) armSendTo(i uint32, s *slot) bool {
	chain, x := s.op.Chain, s.op.Ext
	var addr sock.Sockaddr
	var oob []byte
	segment := 0
	if x != nil {
		oob, segment = x.OOB, x.Segment
		if x.Remote != nil {
			addr = s.extra.addr
		}
	}
	space := len(oob)
	if segment != 0 {
		space += unix.CmsgSpace(2)
	}
	if !e.room(min(chain.Chunks(), maxPieces), int(addr.Len())+space+2*arenaAlign) {
		return false
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	msg := e.arena.message()
	iovs, n := e.arena.gather(chain, maxPieces, maxOneSend)
	if len(iovs) != 0 {
		msg.Iov = &iovs[0]
		msg.SetIovlen(len(iovs))
	}
	s.want = n
	if addr.Len() != 0 {
		name := e.arena.bytes(int(addr.Len()))
		copy(name, unsafe.Slice((*byte)(addr.Pointer()), addr.Len()))
		msg.Name, msg.Namelen = &name[0], addr.Len()
	}
	if space != 0 {
		control := append(e.arena.bytes(space)[:0], oob...)
		if segment != 0 {
			control = sock.AppendSegment(control, uint16(segment))
		}
		msg.Control = &control[0]
		msg.SetControllen(len(control))
	}
	flags := unix.MSG_NOSIGNAL
	if e.family(s.fd) == unix.AF_UNIX {
		// A unix socket copies the message before it finds the receiver's queue full,
		// and io_uring's second attempt would send what is left of it: nothing.
		flags |= unix.MSG_DONTWAIT
	}
	sqe.PrepSendMsg(int(s.fd), msg, flags)
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// checkSendTo finds what is wrong with a datagram before it is queued, and
// encodes its address.
func (e *engine) checkSendTo(s *slot) error {
	x := s.op.Ext
	switch {
	case s.op.Chain.Chunks() > maxPieces:
		return unix.EMSGSIZE
	case x == nil:
		return nil
	case len(x.OOB) > arenaBytes/4 || x.Segment < 0 || x.Segment > 1<<16-1:
		return unix.EINVAL
	case x.Remote == nil:
		return nil
	}
	return s.ext().addr.Set(e.family(s.fd), x.Remote)
}

// sentTo handles the completion of SendTo: all or nothing.
func (e *engine) sentTo(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if c.Res >= 0 {
		e.stats.BytesOut += uint64(c.Res)
		e.finish(i, driver.Result{N: int(c.Res)})
		return
	}
	e.failed(i, unix.Errno(-c.Res))
}

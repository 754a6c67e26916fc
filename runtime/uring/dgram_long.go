//go:build linux

package uring

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// maxDatagram is more than the longest one, joined ones included.
const maxDatagram = 64 << 10

// longDatagram is memory for one datagram that no provided buffer holds. It is
// received alone, and copied out into a chunk of its size: a chunk that holds any
// datagram would be wasted on most. The kernel's from arming to completion.
type longDatagram struct {
	hdr  unix.Msghdr
	iov  unix.Iovec
	name [dgramName]byte
	oob  [dgramControl]byte
	data [maxDatagram]byte
}

// isLong reports whether the owner wants datagrams whole that are longer than
// what a provided buffer holds.
func (e *engine) isLong(s *slot) bool {
	x := s.op.Ext
	return x != nil && x.Len > int64(e.recv.size)-dgramData
}

func (e *engine) armRecvLong(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	x := s.ext()
	if x.long == nil {
		x.long = &longDatagram{}
	}
	l := x.long
	l.iov.Base = &l.data[0]
	l.iov.SetLen(len(l.data))
	l.hdr = unix.Msghdr{Name: &l.name[0], Namelen: dgramName, Iov: &l.iov, Control: &l.oob[0]}
	l.hdr.SetIovlen(1)
	l.hdr.SetControllen(len(l.oob))
	sqe.PrepRecvMsg(int(s.fd), &l.hdr, 0)
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// receivedLong handles a completion of RecvFrom that was armed by armRecvLong.
func (e *engine) receivedLong(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	l := s.extra.long
	switch {
	case c.Res < 0:
		e.recvEnded(i, c.Res)
		return
	case c.Res == 0 && l.hdr.Namelen == 0 && sock.Family(int(s.fd)) != unix.AF_UNIX:
		// CloseRead: an empty datagram has a sender.
		e.finish(i, driver.Result{Err: io.EOF})
		return
	}
	n := int(c.Res)
	oob := l.oob[:l.hdr.Controllen]
	e.msg.msg = driver.Msg{
		Remote:    e.remote(l.name[:l.hdr.Namelen], s.fd),
		OOB:       oob,
		Truncated: l.hdr.Flags&unix.MSG_TRUNC != 0,
		OOBCut:    l.hdr.Flags&unix.MSG_CTRUNC != 0,
		Segment:   sock.Segment(oob),
	}
	e.stats.BytesIn += uint64(n)
	e.deliver(s.op, driver.Result{Chunk: e.chunkOf(l.data[:n]), Msg: &e.msg.msg})
	e.rearm(i)
}

// chunkOf returns a chunk with a copy of data. A datagram that was received is
// never lost: when the pool's budget is spent, it goes to the collector's heap.
func (e *engine) chunkOf(data []byte) *buffers.Chunk {
	c := e.pool.Get(len(data))
	if c == nil || len(c.Room()) < len(data) {
		if c != nil {
			c.Release()
		}
		e.stats.NoBuffers++
		return buffers.Wrap(append([]byte(nil), data...), nil)
	}
	c.Extend(copy(c.Room(), data))
	return c
}

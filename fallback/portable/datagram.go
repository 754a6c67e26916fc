package portable

import (
	"errors"
	"math"
	"net"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// oobSize holds the control messages of one datagram.
const oobSize = 256

// maxDatagram is more than the longest one of UDP.
const maxDatagram = 1 << 16

// recvFrom starts one receive of a datagram, into a block of fl's own: a receive that
// waits holds no memory of the pool. Unlike a stream, a datagram must be read in one piece.
func (e *engine) recvFrom(fl *flight) {
	if fl.buf == nil {
		fl.buf = make([]byte, e.datagramSize(fl)+1) // see readFrom
	}
	fl.phase = running
	fl.s.readyToRead()
	go fl.readFrom()
}

// datagramSize is the length from which on a datagram is cut.
func (e *engine) datagramSize(fl *flight) int {
	if x := fl.op.Ext; x != nil && x.Len > int64(e.recvSize) {
		return int(min(x.Len, maxDatagram))
	}
	return e.recvSize
}

// readFrom tells a datagram that was cut by the last byte of the block, which is
// not used otherwise: systems differ in how they tell.
func (fl *flight) readFrom() {
	fl.msg = driver.Msg{}
	var oob [oobSize]byte
	var oobn int
	switch c := fl.s.pkt.(type) {
	case *net.UDPConn:
		var from *net.UDPAddr
		if fl.n, oobn, _, from, fl.err = c.ReadMsgUDP(fl.buf, oob[:]); from != nil {
			fl.msg.Remote = from
		}
	case *net.UnixConn:
		var from *net.UnixAddr
		if fl.n, oobn, _, from, fl.err = c.ReadMsgUnix(fl.buf, oob[:]); from != nil {
			fl.msg.Remote = from
		}
	default:
		fl.n, fl.msg.Remote, fl.err = c.ReadFrom(fl.buf)
	}
	if fl.n == len(fl.buf) {
		fl.n--
		fl.msg.Truncated, fl.err = true, nil
	}
	if oobn > 0 {
		fl.msg.OOB = append([]byte(nil), oob[:oobn]...)
	}
	fl.e.queue.post(fl)
}

// receivedFrom takes in a datagram. Without memory for it the RecvFrom waits; if it was
// cancelled, the datagram is delivered in the block that it was read into.
func (e *engine) receivedFrom(fl *flight) {
	fl.phase = landed
	switch {
	case fl.err != nil || e.pack(fl):
	case fl.canceled:
		fl.chunk, fl.buf = buffers.Wrap(fl.buf[:fl.n], nil), nil
	default:
		e.starve(fl)
		return
	}
	e.deliverFrom(fl)
}

// deliverFrom delivers a datagram and goes on receiving.
func (e *engine) deliverFrom(fl *flight) {
	fl.phase = landed
	err := fl.err
	if err == nil {
		c, msg := fl.chunk, fl.msg
		fl.chunk = nil
		e.stats.BytesIn += uint64(c.Len())
		e.complete(fl, driver.Result{Chunk: c, Msg: &msg, More: true})
	}
	switch {
	case fl.canceled && (err == nil || timedOut(err)):
		e.complete(fl, driver.Result{Err: driver.ErrCanceled})
	case err == nil || timedOut(err):
		fl.s.rdPast = fl.s.rdPast || timedOut(err)
		fl.n, fl.err = 0, nil
		e.recvFrom(fl)
	default:
		e.complete(fl, driver.Result{Err: bare(err)})
	}
}

// sendTo starts the send of one datagram.
func (e *engine) sendTo(fl *flight) {
	if ext := fl.op.Ext; ext != nil && ext.Segment > 0 {
		e.land(fl, 0, errors.ErrUnsupported)
		return
	}
	fl.gather(fl.op.Chain, math.MaxInt, math.MaxInt) // all or nothing
	fl.s.readyToWrite()
	go fl.writeTo()
}

func (fl *flight) writeTo() {
	var p []byte
	if len(fl.vec) == 1 {
		p = fl.vec[0]
	} else {
		for _, b := range fl.vec {
			p = append(p, b...) // package net can not gather a datagram
		}
	}
	var to net.Addr
	var oob []byte
	if ext := fl.op.Ext; ext != nil {
		to, oob = ext.Remote, ext.OOB
	}
	fl.n, fl.err = fl.s.writeMsg(p, oob, to)
	fl.e.queue.post(fl)
}

func (s *sock) writeMsg(p, oob []byte, to net.Addr) (n int, err error) {
	switch c := s.pkt.(type) {
	case *net.UDPConn:
		addr, _ := to.(*net.UDPAddr)
		n, _, err = c.WriteMsgUDP(p, oob, addr)
	case *net.UnixConn:
		addr, _ := to.(*net.UnixAddr)
		if addr == nil && len(oob) == 0 {
			return c.Write(p) // WriteMsgUnix refuses connected ones
		}
		n, _, err = c.WriteMsgUnix(p, oob, addr)
	default:
		n, err = c.WriteTo(p, to)
	}
	return n, err
}

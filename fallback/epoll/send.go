//go:build linux

package epoll

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

const (
	// maxSegments is how many pieces one send gathers.
	maxSegments = 64
	// sendMax bounds one send, so that a large one does not hold up the loop.
	sendMax = 1 << 20
)

// pumpWrite tries the operations of the writing side, in order, until one has to
// wait.
func (e *engine) pumpWrite(index uint32, s *socket) {
	for s.pendingWrite() {
		slot := s.wr.head
		r := e.records.at(slot)
		if r.stage == stageJob {
			return // its helper will put the socket in line
		}
		ended := false
		switch r.op.Code {
		case driver.Send:
			ended = e.send(s, slot, r.op)
		case driver.SendFile:
			ended = e.sendFile(index, s, slot, r)
		case driver.SendPipe:
			ended = e.sendPipe(s, slot, r.op)
		case driver.SendTo:
			if !e.sendDatagrams(index, s) {
				return
			}
			continue
		case driver.Connect:
			e.connectDone(index, s, slot)
			return
		}
		if !ended {
			return
		}
		e.unlink(&s.wr, slot)
	}
}

// send sends from the front of the chain and tells whether the operation came to
// its end.
func (e *engine) send(s *socket, slot uint32, op *driver.Op) bool {
	n, total := e.pieces(op.Chain, sendMax)
	if n == 0 {
		e.finish(slot, driver.Result{})
		return true
	}
	var sent int
	var errno unix.Errno
	if n == 1 {
		sent, errno = send(s.fd, unsafe.Pointer(e.iovs[0].Base), total)
	} else {
		e.msg = unix.Msghdr{Iov: &e.iovs[0]}
		e.msg.SetIovlen(n)
		sent, errno = sendmsg(s.fd, &e.msg, total)
	}
	clear(e.iovs[:n])
	return e.sendEnd(s, slot, sent, total, errno)
}

// sendEnd ends an operation that sends with the outcome of its call, unless the
// socket was full. The flag is cleared by EAGAIN alone: only then is an edge sure
// to follow.
func (e *engine) sendEnd(s *socket, slot uint32, sent, want int, errno unix.Errno) bool {
	switch errno {
	case 0:
	case unix.EAGAIN:
		s.flags &^= writable
		return false
	default:
		e.fail(slot, errno)
		return true
	}
	if sent < want {
		e.stats.ShortSends++
	}
	e.stats.BytesOut += uint64(sent)
	e.finish(slot, driver.Result{N: sent})
	return true
}

// pieces puts the front of the chain into e.iovs, at most limit bytes, and
// returns how many pieces and bytes these are.
func (e *engine) pieces(chain *buffers.Chain, limit int) (n, total int) {
	return gather(e.iovs[:], chain, limit)
}

func gather(iovs []unix.Iovec, chain *buffers.Chain, limit int) (n, total int) {
	if chain == nil {
		return 0, 0
	}
	for c := chain.Front(); c != nil && n < len(iovs) && total < limit; c = c.Next() {
		p := c.Bytes()
		if len(p) == 0 {
			continue
		}
		p = p[:min(len(p), limit-total)]
		iovs[n].Base = &p[0]
		iovs[n].SetLen(len(p))
		n++
		total += len(p)
	}
	return n, total
}

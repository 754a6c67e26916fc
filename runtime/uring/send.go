//go:build linux

package uring

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// armSend sends the front of the chain: one piece by SEND, several by SENDMSG.
// Without MSG_WAITALL the kernel completes with what the socket had room for.
func (e *engine) armSend(i uint32, s *slot) bool {
	chain := s.op.Chain
	first := firstBytes(chain)
	if len(first) != chain.Len() {
		return e.armSendMsg(i, s)
	}
	zc := s.op.Bulk && e.useZeroCopy(s)
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	first = first[:min(len(first), maxOneSend)]
	s.want = len(first)
	if zc {
		if index, ok := e.fixedForAll(chain, 1); ok {
			sqe.PrepSendZCFixed(int(s.fd), first, unix.MSG_NOSIGNAL, ring.SendZCReportUsage, index)
			e.onFixed(s)
		} else {
			sqe.PrepSendZC(int(s.fd), first, unix.MSG_NOSIGNAL, ring.SendZCReportUsage)
		}
		e.stats.ZeroCopies++
	} else {
		sqe.PrepSend(int(s.fd), first, unix.MSG_NOSIGNAL)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

func (e *engine) armSendMsg(i uint32, s *slot) bool {
	chain := s.op.Chain
	zc := s.op.Bulk && e.feats.sendMsgZC && e.useZeroCopy(s)
	if !e.room(min(chain.Chunks(), maxSegments), 0) {
		return false
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	msg := e.arena.message()
	iovs, n := e.arena.gather(chain, maxSegments, maxOneSend)
	msg.Iov = &iovs[0]
	msg.SetIovlen(len(iovs))
	s.want = n
	if zc {
		sqe.PrepSendMsgZC(int(s.fd), msg, unix.MSG_NOSIGNAL)
		if e.feats.sendMsgZCFixed {
			if index, ok := e.fixedForAll(chain, maxSegments); ok {
				sqe.PrepSendMsgZCFixed(int(s.fd), msg, unix.MSG_NOSIGNAL, index)
				e.onFixed(s)
			}
		}
		sqe.Ioprio |= ring.SendZCReportUsage
		e.stats.ZeroCopies++
	} else {
		sqe.PrepSendMsg(int(s.fd), msg, unix.MSG_NOSIGNAL)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// firstBytes returns the first piece of the chain that has bytes.
func firstBytes(chain *buffers.Chain) []byte {
	for c := chain.Front(); c != nil; c = c.Next() {
		if b := c.Bytes(); len(b) != 0 {
			return b
		}
	}
	return nil
}

// sent handles a completion of Send.
func (e *engine) sent(i uint32, s *slot, c ring.CQE) {
	switch {
	case c.Notif():
		e.sendReleased(i, s, c)
	case !c.More():
		e.disarm(i)
		e.sendEnded(i, s, c.Res)
	case c.Res < 0:
		// A notification follows although nothing was sent.
		e.land(i, s)
		s.flags |= failed
		s.want = int(c.Res)
	default:
		// Zero-copy: taken, but the memory is the kernel's until the notification.
		e.land(i, s)
		e.countSent(s, int(c.Res))
		e.deliver(s.op, driver.Result{N: int(c.Res)})
	}
}

// land notes that a zero-copy send is out of the reach of a cancel request.
func (e *engine) land(i uint32, s *slot) {
	s.flags |= landed
	e.socks[s.fd].landed++
	if s.where != nowhere {
		e.slots.remove(i) // a cancel request that would only miss
	}
}

func (e *engine) sendEnded(i uint32, s *slot, res int32) {
	if res >= 0 {
		e.countSent(s, int(res))
		e.finish(i, driver.Result{N: int(res)})
		return
	}
	errno := unix.Errno(-res)
	switch errno {
	case unix.EOPNOTSUPP, unix.ENOMEM, unix.ENOBUFS:
		if e.socks[s.fd].zeroCopy == zeroCopyOn {
			// Not on this socket, or not with this much memory locked: copy then.
			e.socks[s.fd].zeroCopy = zeroCopyOff
			e.rearm(i)
			return
		}
	}
	e.failed(i, errno)
}

// sendReleased handles the notification that ends a zero-copy send.
func (e *engine) sendReleased(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if s.flags&landed != 0 {
		e.socks[s.fd].landed--
	}
	if s.flags&failed != 0 {
		s.flags &^= failed | landed
		e.sendEnded(i, s, int32(s.want))
		return
	}
	copied := uint32(c.Res)&ring.NotifZCCopied != 0
	if copied {
		e.stats.ZeroCopied++
		e.routeCopies(s.fd)
	}
	e.finish(i, driver.Result{Copied: copied})
}

func (e *engine) countSent(s *slot, n int) {
	e.stats.BytesOut += uint64(n)
	if n < s.want {
		e.stats.ShortSends++
	}
}

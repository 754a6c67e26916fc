//go:build linux

package probe

import (
	"bytes"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// optionalOn tries what needs the connection that required made.
func (l *live) optionalOn(t *trial, p pair) {
	l.found[FeatSendZC], l.found[FeatZCReportUsage] = l.sendZC(t, p)
	l.found[FeatSendmsgZC] = l.sendmsgZC(t, p)
	l.found[FeatRecvBundle] = t.recvBundle(p)
	l.found[FeatSendBundle] = t.sendBundle(p)
}

// discardInput empties the socket of what a trial sent.
func discardInput(fd, n int) {
	var sink [groupSize * blockSize]byte
	for n > 0 {
		got, _, err := unix.Recvfrom(fd, sink[:min(n, len(sink))], unix.MSG_DONTWAIT)
		if err != nil || got <= 0 {
			return
		}
		n -= got
	}
}

// sendZC sends once and awaits the notification too. AF_UNIX has no zero-copy: there
// the list of operations has to do, which does not know about the report.
func (l *live) sendZC(t *trial, p pair) (send, report finding) {
	known := l.opcode(ring.OpSendZC)
	if known.state == No {
		return known, known
	}
	if !p.tcp {
		return known, finding{note: "no loopback TCP"}
	}
	mark := t.used
	defer func() { t.rewind(mark) }()
	out := t.take(len(ping))
	copy(out, ping)
	notif, send := t.zeroCopy(p, func(s *ring.SQE) {
		s.PrepSendZC(p.client, out, unix.MSG_NOSIGNAL, ring.SendZCReportUsage)
	})
	if send.state == Yes {
		// Loopback copies, and a kernel that reports says so.
		reported := uint32(notif.Res)&ring.NotifZCCopied != 0
		return send, finding{state: stateIf(reported), how: ByRoundTrip}
	}
	report = send
	_, send = t.zeroCopy(p, func(s *ring.SQE) { s.PrepSendZC(p.client, out, unix.MSG_NOSIGNAL, 0) })
	return send, report
}

func (l *live) sendmsgZC(t *trial, p pair) finding {
	if known := l.opcode(ring.OpSendMsgZC); known.state == No || !p.tcp {
		return known
	}
	mark := t.used
	defer func() { t.rewind(mark) }()
	out := t.take(len(ping))
	copy(out, ping)
	msg := t.message(out)
	_, f := t.zeroCopy(p, func(s *ring.SQE) { s.PrepSendMsgZC(p.client, msg, unix.MSG_NOSIGNAL) })
	return f
}

// message lays a header with one vector into the arena.
func (t *trial) message(data []byte) *unix.Msghdr {
	msg := (*unix.Msghdr)(unsafe.Pointer(unsafe.SliceData(t.take(int(unsafe.Sizeof(unix.Msghdr{}))))))
	*msg = unix.Msghdr{}
	if data != nil {
		iov := (*unix.Iovec)(unsafe.Pointer(unsafe.SliceData(t.take(int(unsafe.Sizeof(unix.Iovec{}))))))
		iov.Base = unsafe.SliceData(data)
		iov.SetLen(len(data))
		msg.Iov = iov
		msg.SetIovlen(1)
	}
	return msg
}

// zeroCopy sends ping and drains it at the other end, so that the kernel lets go.
func (t *trial) zeroCopy(p pair, prep func(*ring.SQE)) (notif ring.CQE, f finding) {
	id, err := t.start(prep)
	if err != nil {
		return notif, t.judge(notif, err, false)
	}
	c, err := t.await(id)
	f = t.judge(c, err, int(c.Res) == len(ping))
	if c.Res > 0 {
		discardInput(p.server, int(c.Res))
	}
	if !c.More() {
		return c, f
	}
	notif, err = t.await(id)
	if err != nil || !notif.Notif() {
		f = t.judge(notif, err, false)
	}
	return notif, f
}

// recvBundle receives what fills more than one buffer and must hear of it once.
func (t *trial) recvBundle(p pair) finding {
	if t.r.Features()&ring.FeatRecvSendBundle == 0 {
		return finding{state: No, how: ByFeatures}
	}
	g, err := t.newGroup(groupRecv, 0)
	if err != nil {
		return judgeErr(err, ByRegister)
	}
	defer g.close()
	data := bytes.Repeat([]byte("bundle"), 16) // 96 bytes, two buffers
	if _, err := unix.Write(p.client, data); err != nil {
		return judgeErr(err, ByRoundTrip)
	}
	c, err := t.one(func(s *ring.SQE) {
		s.PrepRecvSelect(p.server, groupRecv, 0, 0)
		s.Ioprio = ring.RecvSendBundle
	})
	f := t.judge(c, err, int(c.Res) == len(data) && bytes.Equal(g.mem[:len(data)], data))
	discardInput(p.server, len(data)-max(int(c.Res), 0))
	return f
}

// sendBundle sends two buffers with one entry.
func (t *trial) sendBundle(p pair) finding {
	if t.r.Features()&ring.FeatRecvSendBundle == 0 {
		return finding{state: No, how: ByFeatures}
	}
	g, err := t.newGroup(groupSend, 0)
	if err != nil {
		return judgeErr(err, ByRegister)
	}
	defer g.close()
	c, err := t.one(func(s *ring.SQE) { s.PrepSendBundle(p.client, groupSend, unix.MSG_NOSIGNAL) })
	f := t.judge(c, err, int(c.Res) == groupSize*blockSize)
	if c.Res > 0 {
		discardInput(p.server, int(c.Res))
	}
	return f
}

// pbufInc receives twice into one buffer. The end of the stream after that must not
// give the buffer back while the kernel goes on filling it: some kernels do, and
// then data is overwritten (badIncEOF).
func (t *trial) pbufInc() finding {
	g, err := t.newGroup(groupInc, ring.PBufRingInc)
	if err != nil {
		return judgeErr(err, ByRegister)
	}
	defer g.close()
	fds, err := unix.Socketpair(unix.AF_UNIX, socketType, 0)
	if err != nil {
		return judgeErr(err, ByRoundTrip)
	}
	defer closeAll(fds[0])
	recv := func(s *ring.SQE) { s.PrepRecvSelect(fds[0], groupInc, 0, 0) }
	for i, text := range [][]byte{ping, pong} {
		if _, err := unix.Write(fds[1], text); err != nil {
			unix.Close(fds[1])
			return judgeErr(err, ByRoundTrip)
		}
		c, err := t.one(recv)
		at := i * len(ping)
		same := c.BufMore() && c.BufferID() == 0 && bytes.Equal(g.mem[at:at+len(text)], text)
		if f := t.judge(c, err, same); f.state != Yes {
			unix.Close(fds[1])
			return f
		}
	}
	unix.Close(fds[1])
	end, err := t.one(recv)
	f := t.judge(end, err, end.Res == 0)
	if f.state == Yes && gaveBack(end) {
		f.bad = &badIncEOF
	}
	return f
}

// gaveBack reports whether the end of a stream gave a buffer back, for good.
func gaveBack(end ring.CQE) bool { return end.HasBuffer() && !end.BufMore() }

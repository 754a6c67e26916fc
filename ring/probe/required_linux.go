//go:build linux

package probe

import (
	"bytes"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

var (
	ping = []byte("ping")
	pong = []byte("pong!")
)

// Buffer groups of the trial.
const (
	groupRecv = iota
	groupSend
	groupInc
	groupMsg
	groupMore
)

const (
	groupSize = 4  // buffers in a group
	blockSize = 64 // bytes in a buffer
)

// required tries what the engine can not do without, in the way in which a server
// does it: listen, connect, accept, send, receive, cancel. The connection is the
// caller's to discard.
func (l *live) required(t *trial) pair {
	l.found[FeatExtArg] = t.extArg()
	p, err := l.establish(t)
	p.up = err == nil
	if p.up {
		l.found[FeatSendRecv] = t.sendRecv(p)
		l.found[FeatCancelFD] = t.cancelFD(p)
	} else {
		note := finding{how: ByRoundTrip, note: "no connection: " + err.Error()}
		l.found[FeatSendRecv], l.found[FeatCancelFD], l.found[FeatRecvMultishot] = note, note, note
	}
	l.recvMultishot(t, p)
	l.found[FeatRecvmsgMultishot] = t.recvmsgMultishot()
	return p
}

// extArg waits for what does not come.
func (t *trial) extArg() finding {
	if t.r.Features()&ring.FeatExtArg == 0 {
		return finding{state: No, how: ByFeatures}
	}
	err := t.timedOut(func() (int, error) { return t.r.SubmitAndWait(1, time.Microsecond) })
	if errors.Is(err, unix.ETIME) {
		return finding{state: Yes, how: ByRoundTrip}
	}
	return t.judge(ring.CQE{}, err, false)
}

// pair is a connection to ourselves; -1 where there is none.
type pair struct {
	client, server int
	tcp, up        bool
}

func (p pair) discard() {
	discard(p.client)
	discard(p.server)
}

// establish connects over loopback TCP or, where that can not be, over AF_UNIX: the
// loopback may be down or filtered, which is not io_uring's fault.
func (l *live) establish(t *trial) (pair, error) {
	if listener, client, to, err := t.listenLoopback(); err == nil {
		p, err := l.meet(t, listener, client, to)
		if p.tcp = true; err == nil {
			return p, nil
		}
		p.discard()
	}
	listener, client, to, err := t.listenUnix()
	if err != nil {
		return pair{client: -1, server: -1}, err
	}
	return l.meet(t, listener, client, to)
}

// meet arms an accept, connects and closes the listener.
func (l *live) meet(t *trial, listener, client int, to address) (pair, error) {
	p := pair{client: client, server: -1}
	defer unix.Close(listener)
	accept, err := t.start(func(s *ring.SQE) { s.PrepMultishotAccept(listener, unix.SOCK_CLOEXEC) })
	if err != nil {
		return p, err
	}
	c, err := t.one(func(s *ring.SQE) { s.PrepConnect(client, to.ptr, to.size) })
	l.found[FeatConnect] = t.judge(c, err, true)
	if err == nil && c.Res < 0 {
		err = unix.Errno(-c.Res)
	}
	if err != nil {
		t.cancelID(accept, discard)
		return p, err
	}
	c, err = t.await(accept)
	l.found[FeatAcceptMultishot] = t.judge(c, err, c.More())
	if err == nil && c.Res >= 0 {
		p.server = int(c.Res)
	} else {
		p.server, err = acceptOnce(listener)
	}
	if c.More() {
		t.cancelID(accept, discard)
	}
	return p, err
}

// acceptOnce takes the connection that is already in the queue, so that it does
// not block.
func acceptOnce(listener int) (int, error) {
	if err := unix.SetNonblock(listener, true); err != nil {
		return -1, err
	}
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	return fd, err
}

// cancelID ends a request by its user data, which every kernel with cancel knows.
// What it still brought goes to late: an accept may win against the cancel.
func (t *trial) cancelID(id uint64, late func(res int)) {
	if _, err := t.one(func(s *ring.SQE) { s.PrepCancel(id, 0) }); err != nil {
		return
	}
	for {
		c, err := t.await(id)
		if err != nil {
			return
		}
		if c.Res >= 0 {
			late(int(c.Res))
		}
		if !c.More() {
			return
		}
	}
}

// cancelRecv ends a receive by its descriptor, which is what works for multishot
// (https://github.com/axboe/liburing/issues/1375), or else by its user data.
func (t *trial) cancelRecv(fd int, id uint64) {
	c, err := t.one(func(s *ring.SQE) { s.PrepCancelFD(fd, ring.CancelAll) })
	if err == nil && c.Res < 0 {
		t.cancelID(id, func(int) {})
		return
	}
	t.drain(id)
}

func (t *trial) sendRecv(p pair) finding {
	mark := t.used
	defer func() { t.rewind(mark) }()
	out, in := t.take(len(ping)), t.take(blockSize)
	copy(out, ping)
	c, err := t.one(func(s *ring.SQE) { s.PrepSend(p.client, out, unix.MSG_NOSIGNAL) })
	if f := t.judge(c, err, int(c.Res) == len(ping)); f.state != Yes {
		return f
	}
	c, err = t.one(func(s *ring.SQE) { s.PrepRecv(p.server, in, 0) })
	return t.judge(c, err, c.Res >= 0 && bytes.Equal(in[:max(c.Res, 0)], ping))
}

// cancelFD leaves a receive waiting and ends it.
func (t *trial) cancelFD(p pair) finding {
	mark := t.used
	defer func() { t.rewind(mark) }()
	in := t.take(blockSize)
	waiting, err := t.start(func(s *ring.SQE) { s.PrepRecv(p.server, in, 0) })
	if err != nil {
		return t.judge(ring.CQE{}, err, false)
	}
	c, err := t.one(func(s *ring.SQE) { s.PrepCancelFD(p.server, ring.CancelAll) })
	f := t.judge(c, err, c.Res == 1)
	if f.state != Yes {
		t.cancelID(waiting, func(int) {})
		return f
	}
	c, err = t.drain(waiting)
	if err == nil && c.Res == -int32(unix.ECANCELED) {
		return f
	}
	return t.judge(c, err, false)
}

// recvMultishot registers a buffer ring and receives twice into it with one entry.
func (l *live) recvMultishot(t *trial, p pair) {
	g, err := t.newGroup(groupRecv, 0)
	l.found[FeatPbufRing] = judgeErr(err, ByRegister)
	if err != nil {
		f := l.found[FeatPbufRing]
		l.found[FeatRecvMultishot] = finding{state: f.state, how: f.how, errno: f.errno, note: "no buffer ring"}
		return
	}
	defer g.close()
	if !p.up {
		return
	}
	id, err := t.start(func(s *ring.SQE) { s.PrepRecvMultishot(p.server, groupRecv) })
	if err != nil {
		l.found[FeatRecvMultishot] = t.judge(ring.CQE{}, err, false)
		return
	}
	more := false
	for _, text := range [][]byte{ping, pong} {
		if _, err = unix.Write(p.client, text); err != nil {
			break
		}
		var c ring.CQE
		c, err = t.await(id)
		more = err == nil && c.More()
		got := t.judge(c, err, more && c.HasBuffer() && bytes.Equal(g.bytes(c), text))
		l.found[FeatRecvMultishot] = got
		if got.state != Yes {
			break
		}
	}
	if more {
		t.cancelRecv(p.server, id)
	}
}

// recvmsgMultishot receives two datagrams with one entry.
func (t *trial) recvmsgMultishot() finding {
	g, err := t.newGroup(groupMsg, 0)
	if err != nil {
		return judgeErr(err, ByRegister)
	}
	defer g.close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return judgeErr(err, ByRoundTrip)
	}
	defer closeAll(fds[0], fds[1])
	msg := t.message(nil)
	id, err := t.start(func(s *ring.SQE) { s.PrepRecvMsgMultishot(fds[0], msg, groupMsg) })
	if err != nil {
		return t.judge(ring.CQE{}, err, false)
	}
	var f finding
	for _, text := range [][]byte{ping, pong} {
		if _, err := unix.Write(fds[1], text); err != nil {
			f = judgeErr(err, ByRoundTrip)
			break
		}
		c, err := t.await(id)
		f = t.judge(c, err, c.More() && c.HasBuffer() && bytes.HasSuffix(g.bytes(c), text))
		if f.state != Yes {
			return f // it has ended
		}
	}
	t.cancelRecv(fds[0], id)
	return f
}

// group is a buffer ring with its buffers in the arena.
type group struct {
	t    *trial
	ring *ring.BufRing
	mem  []byte
	mark int
}

func (t *trial) newGroup(id uint16, flags ring.PBufRingFlags) (*group, error) {
	br, err := t.room.bufRing(t.r, groupSize, id, flags)
	if err != nil {
		return nil, err
	}
	g := &group{t: t, ring: br, mark: t.used, mem: t.take(groupSize * blockSize)}
	for i := range groupSize {
		br.Add(unsafe.Pointer(&g.mem[i*blockSize]), blockSize, uint16(i))
	}
	br.Advance()
	return g, nil
}

// bytes is what a completion put into its first buffer.
func (g *group) bytes(c ring.CQE) []byte {
	at := int(c.BufferID()) * blockSize
	return g.mem[at : at+min(int(c.Res), blockSize)]
}

func (g *group) close() {
	g.ring.Close()
	g.t.rewind(g.mark)
}

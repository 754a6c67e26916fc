package runtime

import (
	"io"
	"syscall"

	"github.com/headrace/headrace/runtime/driver"
)

const (
	// spliceLeast is what a turn must receive for a pipe to pay: 2 KiB at a time cost
	// less by chunks.
	spliceLeast = 4 << 10
	// A splice ends when so many receives in a row brought less than so little.
	spliceSmalls, spliceSmall = 16, 2 << 10
)

// splice is one direction of a relay while the kernel moves its bytes: into a pipe,
// and from the pipe, in turns. To the sending side the pipe is an entry of its queue
// like a file, so that order, ends and time-outs are those of any transfer.
type splice struct {
	from, to *Conn
	moved    *int64
	pipe     driver.Pipe
	got      int64      // what the pipe was given, zero if there is no pipe
	ext      driver.Ext // of from's receive
	small    int        // receives in a row that brought little
}

// considerSplice starts a splice when enough has come at a good rate.
func (s *relaySide) considerSplice(n int) {
	c := s.conn
	if c.more != nil && c.more.splice != nil {
		c.receive() // it waited for what was unread to be passed on
		return
	}
	limit := c.sizes().Splice
	if limit < 0 || n < min(spliceLeast, limit) {
		s.burst = 0
		return
	}
	if s.burst += n; s.burst < limit {
		return
	}
	s.burst = 0
	if !c.loop.pipes.join() {
		return // chunks do as well
	}
	c.extra().splice = &splice{from: c, to: s.peer.conn, moved: s.moved}
	c.stopReceiving()
}

// next receives into a pipe if the last one is empty and all that came before it was
// passed on.
func (p *splice) next() {
	c := p.from
	if p.got > 0 || !c.in.Empty() || p.to.is(stClosing|stEnding) {
		return
	}
	if p.small >= spliceSmalls {
		c.endSplice()
		c.receive()
		return
	}
	c.state |= stReceiving
	p.ext.Pipes, p.ext.Len = &c.loop.pipes, min(pipeMost, c.sizes().FileWindow)
	c.recvOp.Code, c.recvOp.Ext = driver.RecvPipe, &p.ext
	c.loop.stats.Paths.Splices++
	c.loop.engine.Submit(&c.recvOp)
}

// received takes a completion of RecvPipe.
func (p *splice) received(r *driver.Result) {
	c := p.from
	c.state &^= stReceiving | stStopping
	c.recvOp.Ext = nil
	if r.N > 0 {
		c.lastRead = c.loop.now
		p.pipe, p.got = p.ext.Pipe, int64(r.N)
		c.loop.pipes.filled(p.got)
		p.pass()
	}
	switch {
	case c.is(stEnding):
	case r.Err == nil, r.Err == driver.ErrCanceled:
		c.receive()
	case r.Err == io.EOF:
		c.sawEnd()
	case r.Err == syscall.ENOBUFS:
		c.endSplice() // no pipe is left
		c.receive()
	default:
		c.receiveFailed(r.Err)
	}
}

// pass queues what is in the pipe on the other side.
func (p *splice) pass() {
	n := p.got
	if p.small++; n >= int64(min(spliceSmall, p.from.sizes().Splice)) {
		p.small = 0
	}
	to := p.to
	if to.is(stClosing | stEnding | stShutWrite) {
		return // its end ends this side too
	}
	*p.moved += n
	m := to.extra()
	m.files = append(m.files, fileSend{pipe: p, n: n})
	to.markDirty()
}

// sendPipe submits what is left of a pipe's content.
func (c *Conn) sendPipe(f *fileSend) {
	c.sending()
	ext := &c.more.fileExt
	ext.Pipe, ext.Len = f.pipe.pipe, f.n
	c.sendOp.Code, c.sendOp.Ext = driver.SendPipe, ext
	c.loop.engine.Submit(&c.sendOp)
}

// sentPipe takes a completion of SendPipe.
func (c *Conn) sentPipe(r *driver.Result) {
	f := &c.more.files[0]
	if r.N > 0 {
		c.lastWrite = c.loop.now
		f.n -= int64(r.N)
	}
	c.state &^= stSending
	if r.Err != nil {
		c.sendFailed("splice", r.Err)
		return
	}
	if f.n == 0 {
		p := c.popFile().pipe
		c.loop.pipes.emptied(p.pipe, p.got)
		p.got = 0
		p.from.receive()
	}
	c.afterSend()
}

// endSplice gives up the pipe, if there is one. Nothing is in flight on it.
func (c *Conn) endSplice() {
	if c.more == nil || c.more.splice == nil {
		return
	}
	p := c.more.splice
	c.more.splice = nil
	if p.got > 0 {
		c.loop.pipes.drop(p.pipe, p.got)
	}
	c.loop.pipes.leave()
}

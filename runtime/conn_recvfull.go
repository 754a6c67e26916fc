package runtime

import (
	"io"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// directWindow bounds one receive into the caller's memory, and so what it may have
// to wait for. Time-outs are to see more of the progress: see wholly.
const directWindow = 4 << 20

// recvFull is a RecvFull in progress.
type recvFull struct {
	dst    []byte
	n      int
	done   func(n int, err error)
	direct bool // the rest goes straight into dst
	stop   error
}

// RecvFull receives exactly len(dst) bytes into dst: what is unread first, then
// small amounts by copy, large ones straight from the kernel. Data is not called
// meanwhile. dst belongs to the connection until done is called, once, on the loop
// and perhaps before RecvFull returns.
//
// A stream that ends before the first byte gives io.EOF, later
// io.ErrUnexpectedEOF; n tells how much of dst is filled. Only one RecvFull
// or RecvToFile may be in progress; another one panics.
func (c *Conn) RecvFull(dst []byte, done func(n int, err error)) {
	c.loop.mustRun("Conn.RecvFull")
	c.mustNotReceive("RecvFull")
	m := c.extra()
	n, _ := c.in.Read(dst)
	c.Consumed()
	if n == len(dst) {
		done(n, nil)
		return
	}
	if c.is(stEnded) {
		done(n, c.endError())
		return
	}
	f := &recvFull{dst: dst, n: n, done: done}
	m.full = f
	if c.is(stEOF | stFailed | stClosing | stEnding) {
		c.markReady()
		return
	}
	if len(dst)-n < c.sizes().Direct {
		c.receive()
		return
	}
	f.direct = true
	if c.is(stReceiving) {
		c.stopReceiving()
		return
	}
	f.resume(c)
}

// StopRecvFull ends a RecvFull before its time: done is called soon, with how much of
// dst is filled and err, once the kernel has let go of dst. What comes after those
// bytes is received as ever. It does nothing if no RecvFull is in progress; one that
// has all its bytes by then ends without an error.
func (c *Conn) StopRecvFull(err error) {
	c.loop.mustRun("Conn.StopRecvFull")
	if !c.receivingFull() || c.more.full.stop != nil {
		return
	}
	f := c.more.full
	f.stop = err
	if f.direct && c.is(stReceiving) {
		c.stopReceiving()
		return
	}
	c.markReady()
}

// receivingFull reports whether a RecvFull is in progress.
func (c *Conn) receivingFull() bool { return c.more != nil && c.more.full != nil }

// complete reports whether all has come.
func (f *recvFull) complete() bool { return f.n == len(f.dst) }

// take copies a received chunk; what is too much stays unread.
func (f *recvFull) take(c *Conn, chunk *buffers.Chunk) {
	n := copy(f.dst[f.n:], chunk.Bytes())
	f.n += n
	if n == chunk.Len() {
		chunk.Release()
	} else {
		chunk.TrimFront(n)
		c.in.Append(chunk)
		c.state |= stFresh
	}
	if f.complete() {
		c.markReady()
	}
}

// resume goes on when the shared receive has ended.
func (f *recvFull) resume(c *Conn) {
	switch {
	case f.complete(), f.stop != nil:
		c.markReady()
	case c.is(stReceiving | stPaused | stEOF | stFailed | stClosing | stEnding):
	case !f.direct:
		c.receive()
	default:
		rest := f.dst[f.n:]
		c.state |= stReceiving
		c.recvOp.Code = driver.RecvInto
		c.recvOp.Buf = rest[:min(len(rest), directWindow)]
		c.recvOp.Full = c.wholly()
		c.loop.stats.Paths.DirectRecvs++
		c.loop.engine.Submit(&c.recvOp)
	}
}

// wholly reports whether a receive may wait for all it asks for. That is one
// completion, and quicker; with a time-out each part of it has to be seen.
func (c *Conn) wholly() bool { return c.more.read == 0 && c.more.idle == 0 }

// inParts ends a receive that waits for all, for a time-out that is new.
func (c *Conn) inParts() {
	if c.recvOp.Code == driver.RecvInto && c.recvOp.Full && !c.wholly() {
		c.stopReceiving()
	}
}

// receivedInto takes a completion of RecvInto.
func (c *Conn) receivedInto(r *driver.Result) {
	c.state &^= stReceiving | stStopping
	c.recvOp.Buf = nil
	f := c.more.full
	if r.N > 0 {
		c.lastRead = c.loop.now
		f.n += r.N
	}
	switch {
	case c.is(stEnding):
	case r.Err == nil, r.Err == driver.ErrCanceled:
		f.resume(c)
	case r.Err == io.EOF:
		c.sawEnd()
	default:
		c.receiveFailed(r.Err)
	}
}

// deliver ends the RecvFull if it is complete or can not be.
func (f *recvFull) deliver(c *Conn) {
	switch {
	case f.complete():
		f.end(c, nil)
	case c.is(stFailed) && c.is(stReceiving) && f.direct:
		// Sending failed. The engine may still write to dst: the end of the
		// connection ends this.
	case c.is(stFailed):
		f.end(c, c.err)
	case c.is(stEOF) && f.n == 0:
		f.end(c, io.EOF)
	case c.is(stEOF):
		f.end(c, io.ErrUnexpectedEOF)
	case f.stop != nil && !(f.direct && c.is(stReceiving)):
		f.end(c, f.stop)
	}
}

// end takes the RecvFull from the connection and tells its caller.
func (f *recvFull) end(c *Conn, err error) {
	c.more.full = nil
	if f.complete() {
		err = nil // also when the connection ended in the same turn
	}
	if c.is(stEnded) {
		c.loop.later(c, func() { f.done(f.n, err) })
		return
	}
	c.receive()
	f.done(f.n, err)
}

package runtime

import (
	"io"
	"os"

	"github.com/headrace/headrace/buffers"
)

// RecvFile says what RecvToFile does beside writing. Its zero value is good.
type RecvFile struct {
	// Sync flushes the file to its device before done is called without an error.
	Sync bool

	// Tee, if not nil, is given the bytes in order, on the loop, before they are
	// written: to hash or to count them. It must not block. Its error ends the
	// transfer; how much is in the file is for the file's count alone to tell.
	Tee io.Writer
}

// RecvToFile receives n bytes, or all until the end of the stream if n is negative,
// and writes them to f from offset off: what is unread first. The chunks go to the
// file as they came. While a write is under way received bytes wait unread, so that
// Config.UnreadHigh and one write of as much bound the memory, and a disk slower
// than the peer pauses the reading. Data is not called meanwhile.
//
// done is called once, on the loop and after RecvToFile returned. written bytes are
// in the file, without a gap. An error of the file ends the transfer there: nothing
// behind it counts, and what was received and not written is unread again. What was
// received before the connection failed is written all the same. A stream that ends
// early gives io.EOF before the first byte and io.ErrUnexpectedEOF later.
//
// f belongs to the connection until done is called; it is not opened with O_APPEND.
// Only one RecvToFile or RecvFull may be in progress; another one panics.
func (c *Conn) RecvToFile(f *os.File, off, n int64, with *RecvFile, done func(written int64, err error)) {
	c.loop.mustRun("Conn.RecvToFile")
	c.mustNotReceive("RecvToFile")
	if with == nil {
		with = &RecvFile{}
	}
	r := &recvFile{conn: c, next: c.handler, left: n, toEnd: n < 0, sync: with.Sync, tee: with.Tee, done: done}
	r.told = c.is(stEOFTold)
	r.file.loop, r.file.conn = c.loop, c
	r.file.ext.File, r.file.ext.Off = f, off
	r.file.done = r.wrote
	if c.is(stEnded) && c.is(stCloseCalled) {
		r.next = nil // it knows already
		r.gone = true
	}
	c.handler = r
	c.loop.others[r] = struct{}{}
	c.loop.later(c, r.step)
}

// recvFile is a RecvToFile in progress: the connection's handler meanwhile.
type recvFile struct {
	conn  *Conn
	next  Handler // the program's
	file  fileWriter
	rest  buffers.Chain // what was unread when the connection ended
	left  int64         // still to be taken, unless toEnd
	toEnd bool
	sync  bool
	tee   io.Writer
	teed  error // the error of tee
	busy  bool  // file is at work
	told  bool  // the program's handler knew of the end of the stream before
	gone  bool  // the connection has ended
	hook  bool  // while this went on: Hooks.Closed is due
	over  bool  // done was called
	done  func(written int64, err error)
}

// receivingToFile reports whether a RecvToFile is in progress.
func (c *Conn) receivingToFile() bool {
	_, ok := c.handler.(*recvFile)
	return ok
}

// mustNotReceive panics while received bytes are somebody's already.
func (c *Conn) mustNotReceive(call string) {
	if c.receivingFull() || c.receivingToFile() {
		panic("runtime: " + call + " while a RecvFull or RecvToFile is in progress")
	}
}

// stop does nothing: the transfer ends with its connection.
func (*recvFile) stop() {}

// Data takes what came, unless a write is under way: then it waits as unread, and
// counts.
func (r *recvFile) Data(*Conn, *buffers.Chain) { r.step() }

// EOF goes on without waiting for more.
func (r *recvFile) EOF(*Conn) { r.step() }

// Drained is for the program's handler: the transfer sends nothing.
func (r *recvFile) Drained(c *Conn) {
	if h, ok := r.next.(DrainHandler); ok {
		h.Drained(c)
	}
}

// Shutdown is for the program's handler, too.
func (r *recvFile) Shutdown(c *Conn) {
	if h, ok := r.next.(ShutdownHandler); ok {
		h.Shutdown(c)
		return
	}
	c.Close()
}

// salvage takes the unread bytes of a connection that ends.
func (r *recvFile) salvage() {
	part := r.conn.in.Split(r.share(r.conn.in.Len()))
	r.left -= int64(part.Len())
	r.rest.AppendChain(&part)
}

// Closed writes what was received, then ends the transfer.
func (r *recvFile) Closed(*Conn, error) {
	r.gone, r.hook = true, true
	r.step()
}

// share is how much of n unread bytes belongs to the transfer.
func (r *recvFile) share(n int) int {
	if r.toEnd {
		return n
	}
	return int(min(int64(n), r.left))
}

// step starts the next write, or ends the transfer.
func (r *recvFile) step() {
	c := r.conn
	if r.busy || r.over {
		return
	}
	ended := c.is(stEOF) && !c.is(stClosing|stEnding) && c.in.Empty()
	switch {
	case r.teed != nil:
		r.end(r.teed)
	case r.file.err != nil:
		r.end(r.file.err)
	case r.take():
		r.write()
	case !r.toEnd && r.left == 0, r.toEnd && ended:
		r.finish()
	case ended && r.file.n == 0:
		r.end(io.EOF)
	case ended:
		r.end(io.ErrUnexpectedEOF)
	case r.gone:
		r.end(c.endError())
	}
}

// take moves what there is to the file's queue and reports whether that was
// anything.
func (r *recvFile) take() bool {
	c := r.conn
	r.file.chain.AppendChain(&r.rest)
	if n := r.share(c.in.Len()); n > 0 && !r.gone && !c.is(stPaused) && r.worthwhile() {
		part := c.in.Split(n)
		r.left -= int64(n)
		r.file.chain.AppendChain(&part)
		c.Consumed()
	}
	return !r.file.chain.Empty()
}

// worthwhile reports whether what is unread is enough for a write, or all there
// will be.
func (r *recvFile) worthwhile() bool {
	c := r.conn
	enough := min(c.sizes().FileWrite, c.loop.rt.cfg.UnreadLow)
	return c.in.Held() >= enough || !r.toEnd && int64(c.in.Len()) >= r.left || c.is(stEOF|stFailed)
}

// write shows the queue to tee and starts writing it.
func (r *recvFile) write() {
	if r.tee != nil {
		r.teed = ErrPanic // unless it returns
		if r.teed = r.show(); r.teed != nil {
			r.end(r.teed)
			return
		}
	}
	r.busy = true
	r.file.write()
}

// show gives tee what is about to be written.
func (r *recvFile) show() error {
	for chunk := range r.file.chain.All() {
		if _, err := r.tee.Write(chunk.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// wrote goes on when the file has, or has not, what was in its queue.
func (r *recvFile) wrote() {
	r.busy = false
	r.step()
}

// finish ends a transfer that is complete; after an fsync, if it has one.
func (r *recvFile) finish() {
	if r.sync {
		r.sync, r.busy = false, true
		r.file.sync()
		return
	}
	r.end(nil)
}

// end gives the connection back to the program's handler, with what was not
// written, and tells.
func (r *recvFile) end(err error) {
	c := r.conn
	r.over = true
	delete(c.loop.others, r)
	c.handler = r.next
	unwritten := r.file.chain.TakeAll()
	unwritten.AppendChain(&r.rest)
	if r.gone || c.is(stClosing|stEnding) {
		unwritten.Release()
	} else {
		unwritten.AppendChain(&c.in)
		c.in = unwritten
		if !r.told {
			c.state = c.state&^stEOFTold | stFresh
			c.markReady()
		}
	}
	if r.gone && r.next != nil {
		c.loop.later(c, func() { r.next.Closed(c, c.err) })
	}
	if r.hook {
		c.tellHook()
	}
	r.done(r.file.n, err)
}

var (
	_ EOFHandler      = (*recvFile)(nil)
	_ DrainHandler    = (*recvFile)(nil)
	_ ShutdownHandler = (*recvFile)(nil)
)

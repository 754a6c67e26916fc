package runtime

import (
	"errors"
	"net"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// Send queues the chain's bytes and takes its chunks, also when it returns an
// error: net.ErrClosed after Close or CloseWrite; ErrUnsentLimit, which has ended the
// connection with a reset and lost what was queued. Nothing is copied.
// The bytes leave with everything else that the connection queues in this turn; the
// order is that of the calls.
func (c *Conn) Send(chain buffers.Chain) error {
	c.loop.mustRun("Conn.Send")
	if c.is(stClosing | stEnding | stShutWrite) {
		chain.Release()
		return c.opErr("write", "", net.ErrClosed)
	}
	if chain.Empty() {
		chain.Release()
		return nil
	}
	c.queue().AppendChain(&chain)
	return c.queued()
}

// Write queues a copy of p. Small pieces that are written one after the other
// share a chunk and leave in one send. It never blocks and never returns a short
// count without an error. Errors are Send's, and ErrNoMemory, which ends the connection
// in the same way.
func (c *Conn) Write(p []byte) (int, error) {
	c.loop.mustRun("Conn.Write")
	if c.is(stClosing | stEnding | stShutWrite) {
		return 0, c.opErr("write", "", net.ErrClosed)
	}
	if n := c.copyIn(p); n < len(p) {
		// A stream with a hole in it is worth nothing.
		c.abort(ErrNoMemory)
		return n, ErrNoMemory
	}
	return len(p), c.queued()
}

// copyIn copies p to the end of the queue. The first chunk is no larger than p
// needs; where more follows, the next ones have the size of a good send.
func (c *Conn) copyIn(p []byte) (n int) {
	q, expect := c.queue(), c.expected()
	for n < len(p) {
		want := len(p) - n
		ahead := int(min(expect-int64(n), largestChunk))
		if q.Empty() {
			want = max(want, ahead)
		} else if tail := q.Tail().Room(); len(tail) > 0 {
			want = min(want, len(tail))
		} else {
			want = max(want, c.sizes().Open, ahead)
		}
		room := q.Reserve(c.loop.pool, want)
		if len(room) == 0 {
			return n
		}
		k := copy(room, p[n:])
		q.Extend(k)
		n += k
	}
	if expect > 0 {
		c.more.expect = max(0, expect-int64(n))
	}
	return n
}

// WriteString is Write of a string.
func (c *Conn) WriteString(s string) (int, error) { return c.Write(unsafeBytes(s)) }

// Unsent is how many bytes wait to be taken by the kernel, files included.
func (c *Conn) Unsent() int {
	n := c.out.Len()
	if c.hasFiles() {
		for i := range c.more.files {
			f := &c.more.files[i]
			n += int(f.n) + f.after.Len()
		}
	}
	return n
}

// Full reports whether so much is unsent that the program should wait for
// Drained before it queues more: Config.UnsentHigh bytes of memory, wherever in the
// queue they are, or hundreds of files and marks (AfterSent).
func (c *Conn) Full() bool { return c.is(stFull) }

// Files and marks hold memory of ours too, and take time to look through: so many
// make a queue full, and so many end the connection.
const (
	entriesHigh = 256
	entriesMax  = 4096
)

// entries is how many files and marks wait.
func (c *Conn) entries() int {
	if c.more == nil {
		return 0
	}
	return len(c.more.files)
}

// drained reports whether a full queue is so no more.
func (c *Conn) drained() bool {
	return c.Unsent() <= c.loop.rt.cfg.UnsentLow && c.entries() <= entriesHigh/2
}

// checkDrained has Drained called if it is due.
func (c *Conn) checkDrained() {
	if c.is(stFull) && c.drained() {
		c.markReady()
	}
}

// queue is the chain that new bytes go to: behind the last file, if there is one.
func (c *Conn) queue() *buffers.Chain {
	if c.hasFiles() {
		return &c.more.files[len(c.more.files)-1].after
	}
	return &c.out
}

// queued is called after something was queued.
func (c *Conn) queued() error {
	cfg := &c.loop.rt.cfg
	n, held, entries := c.out.Len(), c.out.Held(), c.entries()
	for i := range entries {
		after := &c.more.files[i].after
		n, held = n+after.Len(), held+after.Held()
	}
	if n > cfg.UnsentHigh || entries > entriesHigh {
		c.state |= stFull
		if n > cfg.UnsentMax && held > cfg.UnsentMax || entries > entriesMax {
			c.abort(ErrUnsentLimit)
			return ErrUnsentLimit
		}
	}
	c.markDirty()
	return nil
}

// flush submits what is queued and does what waits for the queue to be empty.
func (c *Conn) flush() {
	c.state &^= stDirty
	if c.is(stEnding) {
		return
	}
	if !c.is(stSending) {
		c.send()
	}
	c.checkMarks()
}

// send starts the next send, or ends what waited for the last.
func (c *Conn) send() {
	switch {
	case c.headsFile():
		c.sendFile()
	case !c.out.Empty():
		c.sending()
		c.sendOp.Code = driver.Send
		c.sendOp.Bulk = c.bulk()
		c.loop.stats.Paths.Sends++
		c.loop.engine.Submit(&c.sendOp)
	case c.hasFiles():
		c.sendFile()
	case c.is(stClosing):
		c.finish(false)
	case c.is(stShutWrite) && !c.is(stWriteShut):
		c.state |= stWriteShut
		if c.is(stDetaching) {
			c.markReady()
		}
		// A connection that has ended already tells so to who receives.
		if err := c.loop.engine.CloseWrite(c.sock); err != nil && !errors.Is(err, syscall.ENOTCONN) {
			c.fail(c.opErr("close", "shutdown", err))
		}
	}
}

// bulk reports whether the send that starts is, or begins, a large one.
func (c *Conn) bulk() bool {
	n, s := c.out.Len(), c.sizes()
	if n < s.Bulk && (n <= s.Coalesce || c.expected() < int64(s.Bulk-n)) {
		return false
	}
	c.loop.stats.Paths.BulkSends++
	return true
}

// sent takes a completion of Send.
func (c *Conn) sent(r *driver.Result) {
	taken := r.N
	if r.N > 0 {
		c.lastWrite = c.loop.now
	}
	if r.More { // zero-copy: the kernel has yet to read the memory
		c.extra().landed += r.N
		return
	}
	if m := c.more; m != nil {
		taken += m.landed
		m.landed = 0
	}
	if taken > 0 {
		c.out.Discard(taken)
	}
	c.state &^= stSending
	if r.Err != nil {
		c.sendFailed("send", r.Err)
		return
	}
	c.afterSend()
}

// sendFailed notes that sending failed. What the peer sent before it refused ours is
// the handler's to see first.
func (c *Conn) sendFailed(call string, err error) {
	if c.is(stEnding) {
		return
	}
	if c.err == nil {
		c.err = c.opErr("write", call, err)
	}
	c.state |= stFailed
	c.markReady()
}

// afterSend goes on after some bytes left.
func (c *Conn) afterSend() {
	if c.is(stDetaching) {
		c.markReady()
	}
	if c.is(stFull|stHeld|stClosing|stShutWrite) || !c.out.Empty() || c.hasFiles() {
		c.checkDrained()
		c.markDirty()
	}
}

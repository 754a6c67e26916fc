package runtime

import (
	"fmt"
	"io"
	"net"
	"os"
	"unsafe"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// fileSend is a file range in a connection's send queue, or the content of a pipe.
type fileSend struct {
	file  *os.File
	pipe  *splice
	off   int64
	n     int64 // still to be sent
	sent  int64
	done  func(sent int64, err error)
	after buffers.Chain // what was queued behind it
}

// SendFile queues n bytes of f from offset off; to the end of the file if n is
// negative. The bytes do not pass through the program where the system can do
// that, and a file that is not in memory does not hold up the loop.
//
// done, if not nil, is called once, on the loop and perhaps before SendFile
// returns, when f is no longer needed; the caller keeps f open until then. A file
// that ends early ends the connection, since its peer was promised more: done and
// Closed get an error that is io.ErrUnexpectedEOF, after exactly sent bytes.
//
// If SendFile returns an error, the file was not queued and done is not called. A
// connection with thousands of files in its queue ends with ErrUnsentLimit.
func (c *Conn) SendFile(f *os.File, off, n int64, done func(sent int64, err error)) error {
	return c.SendFileWith(nil, f, off, n, done)
}

// SendFileWith is SendFile with a copy of head before the file's bytes: a small file
// leaves in one send with it, of a larger one the first bytes. sent and n do not
// count it.
func (c *Conn) SendFileWith(head []byte, f *os.File, off, n int64, done func(sent int64, err error)) error {
	c.loop.mustRun("Conn.SendFile")
	if c.is(stClosing | stEnding | stShutWrite) {
		return c.opErr("sendfile", "", net.ErrClosed)
	}
	if f == nil || off < 0 {
		return c.opErr("sendfile", "", os.ErrInvalid)
	}
	if n < 0 {
		fi, err := f.Stat()
		if err != nil {
			return err
		}
		n = max(0, fi.Size()-off)
	}
	inline := c.inlineFile(head, f, off, n)
	if !inline && len(head) > 0 {
		if _, err := c.Write(head); err != nil {
			return err
		}
	}
	if inline || n == 0 {
		err := c.queued()
		if err == nil && done != nil {
			done(n, nil)
		}
		return err
	}
	if c.entries() >= entriesMax {
		c.abort(ErrUnsentLimit) // now: once it is queued, done is called
		return ErrUnsentLimit
	}
	m := c.extra()
	m.files = append(m.files, fileSend{file: f, off: off, n: n, done: done})
	return c.queued()
}

// AfterSent calls f when everything queued before it is with the kernel, and no
// memory that was queued is needed any more; with an error if the connection
// ended first. f runs on the loop. As with files, thousands of them end the
// connection with ErrUnsentLimit.
func (c *Conn) AfterSent(f func(err error)) {
	c.loop.mustRun("Conn.AfterSent")
	if c.is(stEnded) {
		f(c.endError())
		return
	}
	m := c.extra()
	m.files = append(m.files, fileSend{done: func(_ int64, err error) { f(err) }})
	if !c.is(stEnding) {
		_ = c.queued() // f gets its error
	}
}

// inlineFile reads a small file range into the send queue, behind its head, if it is
// in memory, and reports whether it did.
func (c *Conn) inlineFile(head []byte, f *os.File, off, n int64) bool {
	reader, ok := c.loop.engine.(driver.ReadNower)
	if !ok || n == 0 || n > int64(c.sizes().InlineFile) {
		return false
	}
	q := c.queue()
	room := q.Reserve(c.loop.pool, len(head)+int(n))
	if len(room) < len(head)+int(n) {
		return false
	}
	if got, err := reader.ReadNow(f, room[len(head):len(head)+int(n)], off); err != nil || got < int(n) {
		return false // the long way finds out why
	}
	copy(room, head)
	q.Extend(len(head) + int(n))
	c.loop.stats.Paths.InlineFiles++
	return true
}

// headsFile reports whether what is queued is little and goes before a file: it
// leaves with the file's first bytes.
func (c *Conn) headsFile() bool {
	n := c.out.Len()
	return n > 0 && n <= c.sizes().Open && c.hasFiles() && c.more.files[0].file != nil && c.loop.caps.FileHead
}

// sendFile submits the next piece of the first file, and what is queued before it.
func (c *Conn) sendFile() {
	f := &c.more.files[0]
	if f.pipe != nil {
		c.sendPipe(f)
		return
	}
	if f.file == nil { // an AfterSent
		c.fileSent()
		c.checkDrained() // no send need follow
		c.send()
		return
	}
	c.sending()
	ext := &c.more.fileExt
	ext.File, ext.Off, ext.Len = f.file, f.off, min(f.n, c.sizes().FileWindow)
	c.sendOp.Code = driver.SendFile
	c.loop.stats.Paths.FileSends++
	c.sendOp.Ext = ext
	c.loop.engine.Submit(&c.sendOp)
}

// sentFile takes a completion of SendFile.
func (c *Conn) sentFile(r *driver.Result) {
	f := &c.more.files[0]
	if r.N > 0 {
		c.lastWrite = c.loop.now
		head := min(r.N, c.out.Len())
		c.out.Discard(head)
		n := int64(r.N - head)
		f.off += n
		f.n -= n
		f.sent += n
	}
	if r.More {
		return
	}
	c.state &^= stSending
	if r.Err != nil {
		if !c.is(stEnding) {
			err := r.Err
			if err == io.ErrUnexpectedEOF {
				err = fmt.Errorf("%s is shorter than was promised: %w", f.file.Name(), err)
			}
			// Not by an orderly end: what was sent would pass for all there is.
			c.abort(c.opErr("sendfile", "sendfile", err))
		}
		return
	}
	if f.n == 0 {
		c.fileSent()
	}
	c.afterSend()
}

// popFile takes out the first file; what was queued behind it is next.
func (c *Conn) popFile() fileSend {
	m := c.more
	f := m.files[0]
	rest := copy(m.files, m.files[1:])
	m.files[rest] = fileSend{}
	m.files = m.files[:rest]
	c.out.AppendChain(&f.after)
	return f
}

// fileSent ends the first file. Its done is called with the other callbacks of
// the turn.
func (c *Conn) fileSent() {
	if f := c.popFile(); f.done != nil {
		c.loop.later(c, func() { f.done(f.sent, nil) })
	}
}

// dropFiles ends all files with the connection.
func (c *Conn) dropFiles() {
	for c.hasFiles() {
		if f := c.popFile(); f.done != nil {
			c.loop.later(c, func() { f.done(f.sent, c.endError()) })
		}
	}
	c.out.Release()
}

// unsafeBytes is the memory of a string, for reading.
func unsafeBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

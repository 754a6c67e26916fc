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

// fileSend is a file range in a connection's send queue.
type fileSend struct {
	file  *os.File
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
// If SendFile returns an error, nothing was queued and done is not called.
func (c *Conn) SendFile(f *os.File, off, n int64, done func(sent int64, err error)) error {
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
	if n == 0 || c.inlineFile(f, off, n) {
		if done != nil {
			done(n, nil)
		}
		if n == 0 {
			return nil
		}
		return c.queued()
	}
	m := c.extra()
	m.files = append(m.files, fileSend{file: f, off: off, n: n, done: done})
	return c.queued()
}

// AfterSent calls f when everything queued before it is with the kernel, and no
// memory that was queued is needed any more; with an error if the connection
// ended first. f runs on the loop.
func (c *Conn) AfterSent(f func(err error)) {
	c.loop.mustRun("Conn.AfterSent")
	if c.is(stEnded) {
		f(c.endError())
		return
	}
	m := c.extra()
	m.files = append(m.files, fileSend{done: func(_ int64, err error) { f(err) }})
	c.markDirty()
}

// inlineFile reads a small file range into the send queue, if it is in memory,
// and reports whether it did.
func (c *Conn) inlineFile(f *os.File, off, n int64) bool {
	reader, ok := c.loop.engine.(driver.ReadNower)
	if !ok || n > int64(c.sizes().InlineFile) {
		return false
	}
	q := c.queue()
	room := q.Reserve(c.loop.pool, int(n))
	if len(room) < int(n) {
		return false
	}
	if got, err := reader.ReadNow(f, room[:n], off); err != nil || got < int(n) {
		return false // the long way finds out why
	}
	q.Extend(int(n))
	c.loop.stats.Paths.InlineFiles++
	return true
}

// sendFile submits the next piece of the first file.
func (c *Conn) sendFile() {
	f := &c.more.files[0]
	if f.file == nil { // an AfterSent
		c.fileSent()
		c.send()
		return
	}
	c.state |= stSending
	c.lastWrite = c.loop.now
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
		f.off += int64(r.N)
		f.n -= int64(r.N)
		f.sent += int64(r.N)
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

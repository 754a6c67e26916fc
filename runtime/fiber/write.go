package fiber

import (
	"io"
	"os"

	"github.com/headrace/headrace/buffers"
)

// maxCopy is the largest write that is copied; a larger one is sent from the
// caller's memory, while the fiber waits. A write deadline ends such a one as it
// ends Flush, and the count is of what the kernel took.
const maxCopy = 64 << 10

// Write queues p, and waits while too much is unsent.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	if len(p) > maxCopy {
		return c.writeShared(p)
	}
	n, err := c.rc.Write(p)
	if err != nil {
		return n, err
	}
	return n, c.waitRoom()
}

// WriteString is Write of a string.
func (c *Conn) WriteString(s string) (int, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	n, err := c.rc.WriteString(s)
	if err != nil {
		return n, err
	}
	return n, c.waitRoom()
}

// Send queues the chain and takes its chunks, without copying, and waits while
// too much is unsent.
func (c *Conn) Send(chain buffers.Chain) error {
	if err := c.writable(); err != nil {
		chain.Release()
		return err
	}
	if err := c.rc.Send(chain); err != nil {
		return err
	}
	return c.waitRoom()
}

// writeShared sends p from where it is and waits until the kernel is done with it.
func (c *Conn) writeShared(p []byte) (int, error) {
	var chain buffers.Chain
	chain.Append(buffers.Wrap(p, nil))
	if err := c.rc.Send(chain); err != nil {
		return 0, err
	}
	if err := c.Flush(); err != nil {
		return max(0, len(p)-c.rc.Lost()), err
	}
	return len(p), nil
}

// Flush waits until all that was written is with the kernel. A write deadline
// that passes meanwhile ends the connection: the stream has a hole.
func (c *Conn) Flush() error {
	var done bool
	var failed error
	c.rc.AfterSent(func(err error) {
		done, failed = true, err
		c.fb.wake(waiter{c, forSent})
	})
	c.awaitSent(&done)
	return failed
}

// awaitSent suspends the fiber until *done, which a callback sets before it wakes
// it. A write deadline that passes meanwhile ends the connection.
func (c *Conn) awaitSent(done *bool) {
	for late := false; !*done; {
		switch {
		case late:
		case c.expired(c.writeDeadline):
			late = true
			c.rc.Abort(c.timeout("write"))
		default:
			c.arm(c.writeDeadline)
		}
		if !*done {
			c.fb.park(waiter{c, forSent})
		}
	}
}

// SendFile sends head, then n bytes of f from offset off (to its end if n is
// negative), and returns when f is no longer needed. Small files leave in one
// send with the head; the bytes of large ones do not pass through the program
// where the system can do that. The count is that of the file's bytes. A write
// deadline that passes meanwhile ends the connection, as in Flush.
func (c *Conn) SendFile(head []byte, f *os.File, off, n int64) (int64, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	s := c.file
	if s == nil {
		s = &fileCall{}
		c.file = s
		s.told = func(sent int64, err error) {
			s.done, s.sent, s.err = true, sent, err
			c.fb.wake(waiter{c, forSent})
		}
	}
	s.done = false
	if err := c.rc.SendFileWith(head, f, off, n, s.told); err != nil {
		return 0, err
	}
	c.awaitSent(&s.done)
	if s.err != nil {
		return s.sent, s.err
	}
	return s.sent, c.waitRoom()
}

// fileCall is the one SendFile that a connection's fiber can wait for.
type fileCall struct {
	done bool
	sent int64
	err  error
	told func(sent int64, err error) // made once: it would be an allocation for each file
}

// ReadFrom copies r to the connection; an *os.File, also inside an
// io.LimitedReader, by SendFile. It makes io.Copy and http.ServeContent quick.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	limit := int64(-1)
	src := r
	lr, limited := r.(*io.LimitedReader)
	if limited {
		if src, limit = lr.R, lr.N; limit <= 0 {
			return 0, nil
		}
	}
	if f, ok := src.(*os.File); ok {
		if n, err, handled := c.readFromFile(f, limit); handled {
			if limited {
				lr.N -= n
			}
			return n, err
		}
	}
	return io.Copy(onlyWriter{c}, r)
}

// readFromFile sends a regular file from its current offset and moves that on.
func (c *Conn) readFromFile(f *os.File, limit int64) (n int64, err error, handled bool) {
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return 0, nil, false
	}
	off, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil, false
	}
	n = max(0, fi.Size()-off)
	if limit >= 0 {
		n = min(n, limit)
	}
	n, err = c.SendFile(nil, f, off, n)
	if _, serr := f.Seek(off+n, io.SeekStart); err == nil {
		err = serr
	}
	return n, err, true
}

// onlyWriter hides ReadFrom from io.Copy.
type onlyWriter struct{ io.Writer }

// writable reports why nothing can be written.
func (c *Conn) writable() error {
	switch {
	case c.closed || c.rc.Closing():
		return c.endError("write")
	case c.expired(c.writeDeadline):
		return c.timeout("write")
	}
	return nil
}

// waitRoom waits while too much is unsent.
func (c *Conn) waitRoom() error {
	if !c.rc.Full() {
		return nil
	}
	for c.rc.Full() {
		if err := c.writable(); err != nil {
			return err
		}
		c.arm(c.writeDeadline)
		c.fb.park(waiter{c, forDrain})
	}
	return c.writable()
}

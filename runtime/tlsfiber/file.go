package tlsfiber

import (
	"fmt"
	"io"
	"os"

	"github.com/headrace/headrace/runtime"
)

// How much of a file is read at a time, and how much of it may wait to be sent.
const (
	fileRead   = 64 << 10
	fileWindow = 256 << 10
)

// SendFile sends head, then n bytes of f from offset off (to its end if n is
// negative), and returns when f is no longer needed. What is in memory is read on
// the loop, the rest off it: a slow disk holds nothing up. The count is that of the
// file's bytes.
//
// A connection holds no more than about 256 KiB of a file, however slow its peer is.
func (c *Conn) SendFile(head []byte, f *os.File, off, n int64) (int64, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	if n < 0 {
		fi, err := f.Stat()
		if err != nil {
			return 0, err
		}
		n = max(0, fi.Size()-off)
	}
	if c.KernelTLS() {
		return c.sendFileKernel(head, f, off, n)
	}
	over := c.t.kernel != nil && n >= kernelLeast
	if over {
		c.t.kernel.keep = true
	}
	var sent int64
	for len(head) > 0 || sent < n {
		k, err := c.sendPiece(head, f, off+sent, n-sent)
		sent += int64(k)
		if err != nil {
			return sent, err
		}
		head = nil
		if over = over && c.goOver(); over {
			k, err := c.sendFileKernel(nil, f, off+sent, n-sent)
			return sent + k, err
		}
		if sent < n && c.fc.Conn().Unsent() >= fileWindow {
			if err := c.fc.Flush(); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// sendPiece sends head and as much of n bytes of the file as one read gives. A file
// that is too short ends the connection: its peer was promised more.
func (c *Conn) sendPiece(head []byte, f *os.File, off, n int64) (int, error) {
	if len(head) >= fileRead/2 {
		_, err := c.tls.Write(head)
		return 0, err
	}
	n = min(n, int64(fileRead-len(head)))
	chunk := c.Loop().Pool().Get(len(head) + int(n))
	if chunk == nil {
		return 0, runtime.ErrNoMemory
	}
	defer chunk.Release()
	p := chunk.Room()
	p = p[:min(len(p), len(head)+int(n))]
	k := copy(p, head)
	got, err := c.readFile(f, p[k:], off)
	if err != nil {
		c.Abort()
		if err == io.EOF {
			err = fmt.Errorf("%s is shorter than was promised: %w", f.Name(), io.ErrUnexpectedEOF)
		}
		return 0, err
	}
	if _, err := c.tls.Write(p); err != nil {
		return 0, err
	}
	return got, nil
}

// readFile fills p from f without holding up the loop.
func (c *Conn) readFile(f *os.File, p []byte, off int64) (n int, err error) {
	if n = readNow(f, p, off); n == len(p) {
		return n, nil
	}
	c.Offload(func() {
		var k int
		k, err = f.ReadAt(p[n:], off+int64(n))
		if n += k; n == len(p) {
			err = nil
		}
	})
	return n, err
}

// ReadFrom copies r to the connection; an *os.File, also inside an
// io.LimitedReader, by SendFile. Other readers must not block.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	src, limit := r, int64(-1)
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
	return io.Copy(struct{ io.Writer }{c}, r)
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

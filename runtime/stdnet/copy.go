package stdnet

import (
	"io"
	"net"

	"github.com/headrace/headrace/buffers"
)

// ReadFrom copies r to the connection until it ends: files, also inside an
// io.LimitedReader, without their bytes passing through the program where the
// system can do that. It makes io.Copy and http.ServeContent quick.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if std := c.hold(); std != nil {
		defer c.release()
		src, done := standard(r)
		defer done()
		n, err := readFrom(std, src)
		return n, c.fixCopy(err, "readfrom", "write")
	}
	if n, err, handled := c.readFromFile(r); handled {
		return n, err
	}
	if w, ok := r.(io.Writer); ok {
		if src := ours(w); src != nil {
			return src.WriteTo(c) // on a loop: without copying
		}
	}
	return c.readFrom(r)
}

// readFrom is ReadFrom of a connection of package net.
func readFrom(std socket, src io.Reader) (int64, error) {
	if dst, ok := std.(io.ReaderFrom); ok {
		return dst.ReadFrom(src)
	}
	return io.Copy(std, src) // a unix socket
}

// standard returns what package net can splice from in r's place, if r is a
// connection of ours that waits in the netpoller, else r.
func standard(r io.Reader) (src io.Reader, done func()) {
	limited, _ := r.(*io.LimitedReader)
	if limited != nil {
		r = limited.R
	}
	var c *conn
	switch v := r.(type) {
	case *TCPConn:
		c = &v.conn
	case *UnixConn:
		c = &v.conn
	}
	if c != nil {
		if std := c.holdEmpty(); std != nil {
			if limited == nil {
				return std, c.release
			}
			inner := &io.LimitedReader{R: std, N: limited.N}
			return inner, func() { limited.N = inner.N; c.release() }
		}
	}
	if limited != nil {
		r = limited
	}
	return r, func() {}
}

// holdEmpty is hold, if nothing that came along from the loop is left to read.
func (c *conn) holdEmpty() socket {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.hasLeft() {
		return nil
	}
	return c.hold()
}

// copySize is how much is copied at once where nothing better can be done.
const copySize = 32 << 10

// readFrom copies r through a pooled buffer of the heap: pooled memory of the loop
// is not for waiting with.
func (c *conn) readFrom(r io.Reader) (int64, error) {
	buf, ok := c.origin.home.copies.Get().(*[copySize]byte)
	if !ok {
		buf = new([copySize]byte)
	}
	defer c.origin.home.copies.Put(buf)
	return io.CopyBuffer(writerOnly{c}, readerOnly{r}, buf[:])
}

// readInto reads n bytes of a file into pooled memory, which then goes into the
// queue as it is. It returns less if the file is shorter.
func (c *conn) readInto(f io.ReaderAt, off, n int64) (int64, error) {
	var chain buffers.Chain
	var err error
	for int64(chain.Len()) < n && err == nil {
		room := chain.Reserve(c.origin.home.loop.Pool(), int(n)-chain.Len())
		if len(room) == 0 {
			chain.Release()
			return c.readFrom(io.NewSectionReader(f, off, n))
		}
		var k int
		k, err = f.ReadAt(room[:min(len(room), int(n)-chain.Len())], off+int64(chain.Len()))
		chain.Extend(k)
	}
	if err == io.EOF {
		err = nil
	}
	n = int64(chain.Len())
	if werr := c.writeChain(chain); werr != nil {
		return 0, werr
	}
	return n, err
}

// writeChain writes a chain, which it takes, without copying it on a loop.
func (c *conn) writeChain(chain buffers.Chain) error {
	c.writing.Lock()
	if r := c.ring(); r != nil {
		defer c.writing.Unlock()
		return c.opError("write", r.append(chain))
	}
	c.writing.Unlock()
	defer chain.Release()
	_, err := chain.WriteTo(writerOnly{c})
	return err
}

// writerOnly hides ReadFrom from io.Copy, readerOnly WriteTo.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

// WriteTo copies what is received to w until the peer has sent all it will send.
func (c *conn) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if std := c.holdEmpty(); std != nil {
			defer c.release()
			dst, done := standardWriter(w)
			defer done()
			n, err := io.Copy(dst, std)
			return total + n, c.fixCopy(err, "writeto", "read")
		}
		n, err := c.writeSome(w)
		total += n
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// writeSome copies what has come to w.
func (c *conn) writeSome(w io.Writer) (int64, error) {
	c.reading.Lock()
	r := c.ring()
	if r == nil {
		left, err := c.takeLeft()
		c.reading.Unlock()
		if left == nil {
			return 0, err // without one it has just moved
		}
		n, err := w.Write(left)
		return int64(n), err
	}
	in, err := r.readChain()
	if err == errAside {
		c.aside()
	}
	c.reading.Unlock()
	if err == errAside {
		return 0, nil
	}
	if err != nil {
		return 0, c.opError("read", err)
	}
	if dst := ours(w); dst != nil {
		n := int64(in.Len())
		if err := dst.writeChain(in); err != nil {
			return 0, err
		}
		return n, nil
	}
	defer in.Release()
	return in.WriteTo(w)
}

// ours returns the connection of this package that w is, or nil.
func ours(w io.Writer) *conn {
	switch v := w.(type) {
	case *TCPConn:
		return &v.conn
	case *UnixConn:
		return &v.conn
	case *conn: // from ReadFrom
		return v
	}
	return nil
}

// standardWriter returns what package net can splice to in w's place, else w.
func standardWriter(w io.Writer) (dst io.Writer, done func()) {
	if c := ours(w); c != nil {
		if std := c.hold(); std != nil {
			return std, c.release
		}
	}
	return w, func() {}
}

// WriteBuffers writes the contents of v and consumes what was written, as
// net.Buffers.WriteTo does on connections of package net, which know each other:
// with writev in the netpoller, with one send on a loop.
func (c *conn) WriteBuffers(v *net.Buffers) (int64, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.ring() == nil {
		n, err := v.WriteTo(c.std)
		return n, c.fix(err)
	}
	var total int64
	for len(*v) > 0 {
		n, err := c.ring().write((*v)[0])
		total += int64(n)
		if err != nil {
			(*v)[0] = (*v)[0][n:]
			return total, c.opError("write", err)
		}
		(*v)[0] = nil
		*v = (*v)[1:]
	}
	return total, nil
}

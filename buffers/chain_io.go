package buffers

import (
	"io"
	"net"
)

// writeBatch is how many pieces one writev takes (IOV_MAX).
const writeBatch = 1024

var (
	_ io.Reader     = (*Chain)(nil)
	_ io.ByteReader = (*Chain)(nil)
	_ io.WriterTo   = (*Chain)(nil)
)

// Read copies bytes out, consumes them and releases the chunks it emptied. It
// returns io.EOF, bare, when the chain is empty and p is not.
func (h *Chain) Read(p []byte) (int, error) {
	if h.n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n := h.CopyTo(p)
	if n == h.n && n > 0 {
		h.Release() // most often all of it is wanted
	} else {
		h.Discard(n)
	}
	return n, nil
}

// ReadByte consumes and returns the first byte, or io.EOF.
func (h *Chain) ReadByte() (byte, error) {
	var p [1]byte
	_, err := h.Read(p[:])
	return p[0], err
}

// WriteTo writes everything to w and consumes what was written: one Write for
// one chunk, net.Buffers (writev, where w has it) for many. After an error
// the chain keeps the bytes that w did not take.
func (h *Chain) WriteTo(w io.Writer) (int64, error) {
	var total int64
	var batch net.Buffers
	for h.n > 0 {
		var n int64
		var err error
		if h.count == 1 {
			n, err = writeOne(w, h.head.data)
		} else {
			batch = h.appendBuffers(batch[:0], writeBatch)
			n, err = writeMany(w, batch)
		}
		h.Discard(int(n))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func writeOne(w io.Writer, p []byte) (int64, error) {
	n, err := w.Write(p)
	if n < 0 || n > len(p) {
		panic("buffers: Write returned a count outside of its argument")
	}
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return int64(n), err
}

func writeMany(w io.Writer, list net.Buffers) (int64, error) {
	var want int64
	for _, p := range list {
		want += int64(len(p))
	}
	n, err := list.WriteTo(w)
	if n < want && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// CopyTo copies the first bytes to p, as many as fit, and returns how many.
// It consumes nothing.
func (h *Chain) CopyTo(p []byte) int {
	n := 0
	for c := h.head; c != nil && n < len(p); c = c.next {
		n += copy(p[n:], c.data)
	}
	return n
}

// Bytes returns a joined copy. It is for those who need one slice; everything
// else here works on the pieces.
func (h *Chain) Bytes() []byte {
	p := make([]byte, h.n)
	h.CopyTo(p)
	return p
}

// Buffers returns views of all bytes for writev. The chain still owns them:
// they are valid until it changes.
func (h *Chain) Buffers() net.Buffers {
	return h.appendBuffers(make(net.Buffers, 0, h.count), h.count)
}

func (h *Chain) appendBuffers(list net.Buffers, limit int) net.Buffers {
	for c := h.head; c != nil && len(list) < limit; c = c.next {
		if len(c.data) > 0 {
			list = append(list, c.data)
		}
	}
	return list
}

// AppendCopy copies b to the end: into the Room of the last chunk first, then
// into chunks from p. It returns the bytes copied, fewer than len(b) when the
// budget of p is spent.
func (h *Chain) AppendCopy(p *Pool, b []byte) int {
	n := 0
	if h.tail != nil && len(b) > 0 {
		n = copy(h.tail.Room(), b)
		if n > 0 {
			h.Extend(n)
		}
	}
	for n < len(b) {
		c := p.Get(len(b) - n)
		if c == nil {
			break
		}
		k := copy(c.Room(), b[n:])
		c.Extend(k)
		h.Append(c)
		n += k
	}
	return n
}

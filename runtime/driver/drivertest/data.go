package drivertest

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
)

// period is a prime, so that no chunk size divides it and a block that arrives
// twice, or not at all, can not pass for its neighbour.
const period = 65521

var pattern = func() []byte {
	p := make([]byte, 2*period)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range period {
		p[i] = byte(rng.Uint32())
	}
	copy(p[period:], p)
	return p
}()

// stream is an endless sequence of bytes that tests send and expect. Its zero
// value is at the start.
type stream struct{ off int64 }

// Read implements [io.Reader]. It never ends.
func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		m := copy(p[n:], pattern[s.off%period:])
		n += m
		s.off += int64(m)
	}
	return len(p), nil
}

// verify reports where p is not what comes next, and goes on behind p.
func (s *stream) verify(p []byte) error {
	for len(p) > 0 {
		at := s.off % period
		n := min(len(p), 2*period-int(at))
		want := pattern[at : int(at)+n]
		if !bytes.Equal(p[:n], want) {
			i := 0
			for p[i] == want[i] {
				i++
			}
			return fmt.Errorf("byte %d of the stream is %#x, want %#x", s.off+int64(i), p[i], want[i])
		}
		s.off += int64(n)
		p = p[n:]
	}
	return nil
}

// data returns n bytes of the stream from off on.
func data(off int64, n int) []byte {
	p := make([]byte, n)
	(&stream{off}).Read(p)
	return p
}

// writeStream writes n bytes of the stream to w.
func writeStream(w io.Writer, n int64) error {
	_, err := io.CopyN(w, &stream{}, n)
	return err
}

// readStream reads n bytes from r, which must be the stream from off on.
func readStream(r io.Reader, off, n int64) error {
	s := stream{off}
	buf := make([]byte, 64<<10)
	for n > 0 {
		m, err := r.Read(buf[:min(int64(len(buf)), n)])
		if verr := s.verify(buf[:m]); verr != nil {
			return verr
		}
		if n -= int64(m); n > 0 && err != nil {
			return fmt.Errorf("%d bytes before the end: %w", n, err)
		}
	}
	return nil
}

// readEOF requires that r ends here.
func readEOF(r io.Reader) error {
	var b [1]byte
	if n, err := r.Read(b[:]); n != 0 || err != io.EOF {
		return fmt.Errorf("read %d bytes and %v, want EOF", n, err)
	}
	return nil
}

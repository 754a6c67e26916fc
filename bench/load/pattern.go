package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrBytes reports an answer that differs from what was sent.
var ErrBytes = errors.New("load: the answer is not what was sent")

// period is prime, so a message that is lost, repeated or moved shows in the bytes at its ends.
const period = 4093

// pattern is an endless stream of bytes that any connection can send and check from any position
// without copying or computing.
type pattern []byte

// newPattern holds slices of up to longest bytes.
func newPattern(longest int) pattern {
	p := make(pattern, period+longest+8)
	state := uint32(1)
	for i := range p[:period] {
		state = state*1664525 + 1013904223
		p[i] = byte(state >> 24)
	}
	for i := period; i < len(p); i += period {
		copy(p[i:], p[:period])
	}
	return p
}

// at returns n bytes of the stream from pos on. n is at most the longest the pattern was made for.
func (p pattern) at(pos uint64, n int) []byte {
	off := int(pos % period)
	return p[off : off+n : off+n]
}

// ends checks the first and last eight bytes of b against the stream at pos: cheap, and enough to
// see a byte lost, doubled or moved. full checks all of b.
func (p pattern) ends(b []byte, pos uint64) bool {
	if len(b) < 16 {
		return p.full(b, pos)
	}
	want := p.at(pos, len(b))
	tail := len(b) - 8
	return binary.NativeEndian.Uint64(b) == binary.NativeEndian.Uint64(want) &&
		binary.NativeEndian.Uint64(b[tail:]) == binary.NativeEndian.Uint64(want[tail:])
}

func (p pattern) full(b []byte, pos uint64) bool {
	return bytes.Equal(b, p.at(pos, len(b)))
}

// CheckFile tells whether a file is what Put sends: size bytes, each of them the right one.
func CheckFile(path string, size int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const piece = 1 << 20
	p, b := newPattern(piece), make([]byte, piece)
	for at := 0; ; {
		n, err := io.ReadFull(f, b)
		if !p.full(b[:n], uint64(at)) {
			return fmt.Errorf("%w: %s, from byte %d on", ErrBytes, filepath.Base(path), at)
		}
		at += n
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			if at != size {
				return fmt.Errorf("%w: %s has %d bytes of %d", ErrBytes, filepath.Base(path), at, size)
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// WriteFile makes a file of size bytes whose content a Spec with Check verifies.
func WriteFile(path string, size int) error {
	return os.WriteFile(path, newPattern(size).at(0, size), 0o644)
}

//go:build linux

package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dgramProto keeps Depth datagrams of Size bytes in flight on each connected UDP socket: for each
// that comes back, another leaves. A datagram begins with its number, the rest is the pattern. One
// that others of its socket overtook, or that does not come back within lostAfter, is counted as lost,
// and another takes its place.
type dgramProto struct {
	size, depth int
	in, out     mmsgs
	swept       int64
}

const (
	lostAfter   = int64(200 * time.Millisecond)
	dgramHeader = 8
	dgramBatch  = 64
)

// mmsgs is memory for sendmmsg(2) or recvmmsg(2).
type mmsgs struct {
	hdrs [dgramBatch]mmsghdr
	iovs [dgramBatch]unix.Iovec
	data []byte
}

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

func (m *mmsgs) init(size int) {
	m.data = make([]byte, dgramBatch*size)
	for i := range m.hdrs {
		m.iovs[i].Base = &m.data[i*size]
		m.iovs[i].SetLen(size)
		m.hdrs[i].hdr.Iov = &m.iovs[i]
		m.hdrs[i].hdr.SetIovlen(1)
	}
}

func newDgram(spec *Spec) *dgramProto {
	p := &dgramProto{size: max(spec.Size, dgramHeader), depth: min(spec.Depth, dgramBatch)}
	p.in.init(p.size)
	p.out.init(p.size)
	return p
}

func mmsg(call uintptr, fd int, m []mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&m[0])), uintptr(len(m)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func dialDgram(to *unix.SockaddrInet4) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("load: socket: %w", err)
	}
	if err := unix.Connect(fd, to); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("load: connect: %w", err)
	}
	return fd, nil
}

func (p *dgramProto) begin(w *worker, c *conn) error {
	c.busy, c.due = nanotime(), make([]int64, dgramBatch)
	return p.fill(w, c, c.busy)
}

// fill sends until Depth datagrams are in flight: c.sent counts those sent, c.got is the number after
// the highest that came back, c.need is how many are between them, c.due when each was sent, 0 once it is back.
func (p *dgramProto) fill(w *worker, c *conn, now int64) error {
	for c.need < p.depth {
		n := p.depth - c.need
		for i := range n {
			b := p.out.data[i*p.size:][:p.size]
			number := c.sent + uint64(i)
			binary.NativeEndian.PutUint64(b, number<<16|uint64(c.id))
			copy(b[dgramHeader:], w.pat.at(number, p.size-dgramHeader))
		}
		sent, errno := mmsg(unix.SYS_SENDMMSG, c.fd, p.out.hdrs[:n])
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("load: sendmmsg: %w", errno)
		}
		for range sent {
			c.due[c.sent%dgramBatch] = now
			c.sent++
		}
		c.need += sent
	}
	return nil
}

func (p *dgramProto) readable(w *worker, c *conn) error {
	for {
		n, errno := mmsg(unix.SYS_RECVMMSG, c.fd, p.in.hdrs[:])
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("load: recvmmsg: %w", errno)
		}
		now := nanotime()
		for i := range n {
			if err := p.check(w, c, i, now); err != nil {
				return err
			}
		}
		w.hear(c)
		c.ops += int64(n)
		w.ops += int64(n)
		c.need = int(c.sent - c.got)
		c.busy = now
		if err := p.fill(w, c, now); err != nil || n < dgramBatch {
			return err
		}
	}
}

func (p *dgramProto) check(w *worker, c *conn, i int, now int64) error {
	b := p.in.data[i*p.size:][:p.size]
	h := binary.NativeEndian.Uint64(b)
	number := h >> 16
	ok := int(p.in.hdrs[i].n) == p.size && h&0xffff == uint64(c.id) && number < c.sent
	if ok && number%fullCheckEvery == 0 {
		ok = bytes.Equal(b[dgramHeader:], w.pat.at(number, p.size-dgramHeader))
	}
	if !ok {
		return fmt.Errorf("%w: connection %d, a datagram of %d bytes", ErrBytes, c.id, p.in.hdrs[i].n)
	}
	due := &c.due[number%dgramBatch]
	if c.sent-number <= dgramBatch { // else another has its place
		if *due == 0 {
			return fmt.Errorf("%w: connection %d, datagram %d came twice", ErrBytes, c.id, number)
		}
		if w.measuring && number >= c.got {
			_ = w.hist.RecordValue(now - *due)
		}
		*due = 0
	}
	w.bytes += int64(p.size)
	if number < c.got {
		w.lost-- // late, not lost
		return nil
	}
	w.lost += int64(number - c.got)
	c.got = number + 1
	return nil
}

// tick gives up what was lost.
func (p *dgramProto) tick(w *worker, now int64) int {
	if now-p.swept < lostAfter/4 {
		return pollMs
	}
	p.swept = now
	for i := range w.conns {
		c := &w.conns[i]
		if c.fd < 0 || now-c.busy < lostAfter {
			continue
		}
		w.lost += int64(c.need)
		c.need, c.got, c.busy = 0, c.sent, now
		if err := p.fill(w, c, now); err != nil {
			w.drop(c, err)
		}
	}
	return pollMs
}

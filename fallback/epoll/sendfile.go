//go:build linux

package epoll

import (
	"io"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

const (
	// fileMax bounds one sendfile(2), and fileTurn all of them among the operations that
	// a Poll starts, and among the sockets that it serves, before the others have
	// their turn.
	fileMax, fileTurn = sock.SendfileMax, 4 << 20
	// copyMax is how much is read at a time of a file that sendfile(2) refuses.
	copyMax = 64 << 10
)

// sendFile sends a piece of a file, as far as it is in the page cache, and tells
// whether the operation came to its end.
func (e *engine) sendFile(index uint32, s *socket, slot uint32, r *record) bool {
	x := r.op.Ext
	if x == nil || x.File == nil {
		e.fail(slot, unix.EBADF)
		return true
	}
	if r.chunk != nil {
		return e.sendCopy(s, slot, r)
	}
	count := min(x.Len, fileMax)
	if count <= 0 {
		e.finish(slot, driver.Result{})
		return true
	}
	warm := x.Off < r.warm
	if warm {
		count = min(count, r.warm-x.Off)
	} else {
		warm = e.warm.Cached(x.File, x.Off, count)
	}
	if head := r.op.Chain; head != nil && !head.Empty() {
		return e.sendHead(s, slot, r, count, warm)
	}
	if !warm {
		j := e.workers.get(jobWarm)
		j.file, j.off, j.count = x.File, x.Off, count
		s.jobs++
		e.start(slot, r, j)
		return false
	}
	n, err := sock.Sendfile(int(s.fd), x.File, x.Off, int(count))
	switch {
	case err == nil && n == 0:
		e.fail(slot, io.ErrUnexpectedEOF)
		return true
	case err == nil:
		e.move(s, n)
		return e.sendEnd(s, slot, n, int(count), 0)
	case err == unix.EAGAIN:
		s.flags &^= writable
		return false
	case err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP:
		return e.copyFile(index, s, slot, r) // a file without pages, as in /proc
	}
	e.fail(slot, err)
	return true
}

// move notes that the kernel moved bytes of a file or pipe to or from a socket.
func (e *engine) move(s *socket, n int) {
	if n > 0 {
		e.moved += n
		e.crowd.Moved(&s.mark, n)
	}
}

// sendHead sends what goes before the file, and count bytes of it with that if they
// are at hand. What the file has to say of itself it says to the next operation.
func (e *engine) sendHead(s *socket, slot uint32, r *record, count int64, warm bool) bool {
	x, head := r.op.Ext, r.op.Chain.Len()
	n, err := sock.SendHead(s.fd, r.op.Chain, warm)
	if err != nil {
		return e.sendEnd(s, slot, 0, head, err.(unix.Errno))
	}
	if warm && n == head {
		got, err := sock.Sendfile(int(s.fd), x.File, x.Off, int(count))
		if err == unix.EAGAIN {
			s.flags &^= writable
		}
		n += got
		e.move(s, got)
	}
	return e.sendEnd(s, slot, n, head+int(count), 0)
}

// warmed goes on after a helper has read a piece of the file.
func (e *engine) warmed(slot uint32, r *record, n int, err error) {
	s, ok := e.deref(r.socket)
	if !ok {
		panic("epoll: a socket is gone while a helper works for it")
	}
	s.jobs--
	r.stage = stageQueued
	if err == io.EOF {
		err = nil // what came before it counts
	}
	switch {
	case r.canceled:
		err = driver.ErrCanceled
	case err == nil && r.chunk != nil:
		if n == 0 {
			err = io.ErrUnexpectedEOF
		} else {
			r.chunk.Extend(n)
		}
	case err == nil && n == 0:
		err = io.ErrUnexpectedEOF
	case err == nil:
		r.warm = r.op.Ext.Off + int64(n)
	}
	if err != nil {
		e.unlink(&s.wr, slot)
		e.fail(slot, err)
	}
	if s.is(closing) && s.jobs == 0 && s.closer != none {
		e.closeSocket(s.closer, e.records.at(s.closer), s)
		return
	}
	if s.pendingWrite() {
		e.schedule(r.socket.index, s)
	}
}

// copyFile has a helper read a piece of the file into a chunk.
func (e *engine) copyFile(index uint32, s *socket, slot uint32, r *record) bool {
	c := e.chunk(copyMax)
	if c == nil {
		e.stats.NoBuffers++
		e.park(index, s)
		return false
	}
	r.chunk = c
	x := r.op.Ext
	j := e.workers.get(jobRead)
	room := c.Room()
	j.file, j.off, j.buf = x.File, x.Off, room[:min(int64(len(room)), x.Len)]
	s.jobs++
	e.start(slot, r, j)
	return false
}

// sendCopy sends what a helper has read. What the socket does not take is read
// again by the owner's next operation.
func (e *engine) sendCopy(s *socket, slot uint32, r *record) bool {
	p := r.chunk.Bytes()
	n, errno := send(s.fd, unsafe.Pointer(&p[0]), len(p))
	return e.sendEnd(s, slot, n, len(p), errno)
}

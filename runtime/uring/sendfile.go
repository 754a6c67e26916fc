//go:build linux

package uring

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// step is what an armed SendFile is waiting for. SendFile is sendfile(2) called by
// Poll: SPLICE would always go to a worker of the kernel, and measured slower up
// to 256 KiB. The ring does what would block: waiting for room in the socket, and
// reading what is not in the page cache.
type step uint8

const (
	stepWritable step = iota // room in the socket
	stepRead                 // a piece of the file, into slot.chunk
	stepSend                 // slot.chunk sent
)

const (
	// filePiece is the most that one operation moves at a time, and fileTurn what all of
	// them may move in a turn of the loop before the others have theirs.
	filePiece, fileTurn = sock.SendfileMax, 4 << 20
	// coldWindow is how much of a file is read at a time where it is not cached,
	// and the least that is looked for in the cache.
	coldWindow = 64 << 10
)

// sendFiles moves bytes for those whose turn it is, as far as the turn goes.
func (e *engine) sendFiles() {
	for n := e.slots.lists[inFiles].n; n > 0 && e.fileLeft > 0; n-- {
		i := e.slots.pop(inFiles)
		s := &e.slots.all[i]
		switch {
		case e.unwanted(s):
			e.abandon(i)
		case s.op.Code != driver.SendFile:
			if r, done := e.splice(i, s); done {
				e.pend(i, r.N, r.Err)
			}
		case s.op.Ext == nil || s.op.Ext.File == nil:
			e.pend(i, 0, os.ErrInvalid)
		case s.op.Ext.Len <= 0:
			e.pend(i, 0, nil)
		case e.socks[s.fd].full:
			// The last one left no room: wait without trying.
			e.waitWritable(i, s)
		default:
			if r, done := e.moveFile(i, s); done {
				e.pend(i, r.N, r.Err)
			}
		}
	}
}

// moveFile sends what it can without blocking. It is not done if something was
// armed, or put off.
func (e *engine) moveFile(i uint32, s *slot) (r driver.Result, done bool) {
	x, k := s.op.Ext, &e.socks[s.fd]
	n := min(x.Len, filePiece)
	warm := e.warm.Cached(x.File, x.Off, n)
	if !warm {
		n = min(n, coldWindow)
		warm = e.warm.Cached(x.File, x.Off, n)
	}
	if head := s.op.Chain; head != nil && !head.Empty() {
		return e.moveHead(i, s, n, warm)
	}
	if !warm {
		e.readCold(i, s, int(n))
		return r, false
	}
	got, err := sock.Sendfile(int(s.fd), x.File, x.Off, int(n))
	switch {
	case got > 0:
		e.stats.BytesOut += uint64(got)
		e.moved(k, got)
		k.full = int64(got) < n
		if k.full {
			e.stats.ShortSends++
		}
		return driver.Result{N: got}, true
	case err == nil:
		return driver.Result{Err: io.ErrUnexpectedEOF}, true
	case err == unix.EAGAIN:
		e.waitWritable(i, s)
		return r, false
	case err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP:
		e.readCold(i, s, int(min(n, coldWindow))) // a file that sendfile(2) can not read
		return r, false
	}
	return driver.Result{Err: err}, true
}

// moveHead sends what goes before the file, and n bytes of it with that if they are
// at hand. What the file has to say of itself it says to the next operation.
func (e *engine) moveHead(i uint32, s *slot, n int64, warm bool) (r driver.Result, done bool) {
	x, k := s.op.Ext, &e.socks[s.fd]
	r.N, r.Err = sock.SendHead(s.fd, s.op.Chain, warm)
	if r.Err == unix.EAGAIN {
		e.waitWritable(i, s)
		return r, false
	}
	if k.full = r.Err == nil && r.N < s.op.Chain.Len(); warm && !k.full && r.Err == nil {
		got, err := sock.Sendfile(int(s.fd), x.File, x.Off, int(n))
		k.full = int64(got) < n && (got > 0 || err == unix.EAGAIN)
		r.N += got
		e.moved(k, got)
	}
	e.stats.BytesOut += uint64(r.N)
	if k.full {
		e.stats.ShortSends++
	}
	return r, true
}

// moved notes that the kernel moved bytes of a file or pipe to or from a socket.
func (e *engine) moved(k *socket, n int) {
	if n > 0 {
		e.fileLeft -= int64(n)
		e.crowd.Moved(&k.mark, n)
	}
}

func (e *engine) waitWritable(i uint32, s *slot) {
	s.step = stepWritable
	e.start(i)
}

// readCold has the ring read a piece that could block, to send it from memory.
func (e *engine) readCold(i uint32, s *slot, n int) {
	s.chunk = e.pool.Get(n)
	if s.chunk == nil {
		e.slots.push(inLater, i)
		return
	}
	s.step, s.want = stepRead, n
	e.stats.FileJobs++
	e.start(i)
}

func (e *engine) armSendFile(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	switch s.step {
	case stepWritable:
		sqe.PrepPollAdd(int(s.fd), unix.POLLOUT)
	case stepRead:
		room := s.chunk.Room()
		room = room[:min(len(room), s.want)]
		if index, ok := e.fixedForFile(s.chunk); ok {
			sqe.PrepReadFixed(int(s.op.Ext.File.Fd()), room, s.op.Ext.Off, index)
			e.onFixed(s)
		} else {
			sqe.PrepRead(int(s.op.Ext.File.Fd()), room, s.op.Ext.Off)
		}
	case stepSend:
		sqe.PrepSend(int(s.fd), s.chunk.Bytes(), unix.MSG_NOSIGNAL)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// sendFileStep handles a completion of one of the steps.
func (e *engine) sendFileStep(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if c.Res < 0 {
		e.sendFileFailed(i, s, unix.Errno(-c.Res))
		return
	}
	switch s.step {
	case stepWritable:
		e.socks[s.fd].full = false
		if e.unwanted(s) {
			e.finish(i, driver.Result{Err: driver.ErrCanceled})
		} else if e.fileLeft <= 0 {
			e.slots.push(inFiles, i)
		} else if r, done := e.moveFile(i, s); done {
			e.finish(i, r)
		}
	case stepRead:
		e.coldRead(i, s, int(c.Res))
	case stepSend:
		e.countSent(s, int(c.Res))
		s.dropChunk()
		e.finish(i, driver.Result{N: int(c.Res)})
	}
}

func (e *engine) coldRead(i uint32, s *slot, n int) {
	switch {
	case n == 0:
		s.dropChunk()
		e.finish(i, driver.Result{Err: io.ErrUnexpectedEOF})
	case e.unwanted(s):
		s.dropChunk()
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
	default:
		s.chunk.Extend(n)
		s.step, s.want = stepSend, n
		e.start(i)
	}
}

func (e *engine) sendFileFailed(i uint32, s *slot, err unix.Errno) {
	s.dropChunk()
	switch err {
	case unix.EAGAIN, unix.EINTR:
		e.later(i) // from the start
	case unix.ECANCELED:
		e.failed(i, err)
	default:
		e.finish(i, driver.Result{Err: err})
	}
}

//go:build linux

package uring

import (
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// submitFile starts ReadAt, WriteAt or Fsync: they are on no socket.
func (e *engine) submitFile(i uint32, s *slot) {
	s.flags |= anonymous
	switch {
	case e.leaving:
		e.pend(i, 0, net.ErrClosed)
	case s.op.Ext == nil || s.op.Ext.File == nil:
		e.pend(i, 0, os.ErrInvalid)
	default:
		s.fd = int32(s.op.Ext.File.Fd())
		e.stats.FileJobs++
		e.start(i)
	}
}

// armFile arms what submitFile started. Buffered reads that miss the page cache,
// and most writes, go to the kernel's workers, whose number Open has bounded.
func (e *engine) armFile(i uint32, s *slot) bool {
	op, x := s.op, s.op.Ext
	if op.Code == driver.WriteAt {
		return e.armWriteAt(i, s)
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	switch op.Code {
	case driver.ReadAt:
		sqe.PrepRead(int(s.fd), op.Buf[:min(len(op.Buf), maxOneSend)], x.Off)
	case driver.Fsync:
		flags := uint32(0)
		if x.DataOnly {
			flags = ring.FsyncDatasync
		}
		sqe.PrepFsync(int(s.fd), flags)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

func (e *engine) armWriteAt(i uint32, s *slot) bool {
	chain, off := s.op.Chain, s.op.Ext.Off
	first := firstBytes(chain)
	many := len(first) != chain.Len()
	if many && !e.room(min(chain.Chunks(), maxSegments), 0) {
		return false
	}
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	index, fixed := uint16(0), false
	if e.fixed.files && (!many || e.feats.writevFixed) {
		index, fixed = e.fixedForAll(chain, maxSegments)
	}
	if fixed {
		e.onFixed(s)
	}
	first = first[:min(len(first), maxOneSend)]
	switch {
	case many && fixed:
		iovs, _ := e.arena.gather(chain, maxSegments, maxOneSend)
		sqe.PrepWritevFixed(int(s.fd), iovs, off, 0, index)
	case many:
		iovs, _ := e.arena.gather(chain, maxSegments, maxOneSend)
		sqe.PrepWritev(int(s.fd), iovs, off, 0)
	case fixed:
		sqe.PrepWriteFixed(int(s.fd), first, off, index)
	default:
		sqe.PrepWrite(int(s.fd), first, off)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// fileDone handles a completion of ReadAt, WriteAt or Fsync.
func (e *engine) fileDone(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	if c.Res >= 0 {
		var err error
		if c.Res == 0 && s.op.Code == driver.ReadAt && len(s.op.Buf) != 0 {
			err = io.EOF
		}
		e.finish(i, driver.Result{N: int(c.Res), Err: err})
		return
	}
	e.failed(i, unix.Errno(-c.Res))
}

// ReadNow implements driver.ReadNower.
func (e *engine) ReadNow(f *os.File, p []byte, off int64) (int, error) {
	return sock.ReadNow(f, p, off)
}

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

// RecvPipe and SendPipe are splice(2) called by Poll, as SendFile is sendfile(2): the
// operation SPLICE would go to a worker of the kernel. The ring waits for the socket.

// OpenPipe implements driver.Splicer.
func (e *engine) OpenPipe() (driver.Pipe, error) { return sock.OpenPipe() }

// ClosePipe implements driver.Splicer.
func (e *engine) ClosePipe(p driver.Pipe) { sock.ClosePipe(p) }

// splice moves what it can without blocking. It is not done if it has to wait.
func (e *engine) splice(i uint32, s *slot) (r driver.Result, done bool) {
	x := s.op.Ext
	if x == nil || x.Len <= 0 {
		return driver.Result{Err: os.ErrInvalid}, true
	}
	out, in := x.Pipe, int(s.fd)
	if s.op.Code == driver.SendPipe {
		out, in = in, out
	}
	n, err := sock.Splice(out, in, x.Len)
	e.fileLeft -= int64(n)
	switch {
	case n > 0 && in == int(s.fd):
		e.stats.BytesIn += uint64(n)
	case n > 0:
		e.stats.BytesOut += uint64(n)
	case err == nil && in == int(s.fd):
		err = io.EOF
	case err == nil:
		err = io.ErrUnexpectedEOF // there was less in the pipe than was said
	case err == unix.EAGAIN:
		e.start(i)
		return r, false
	}
	return driver.Result{N: n, Err: err}, true
}

func (e *engine) armSplice(i uint32, s *slot) bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	if s.op.Code == driver.SendPipe {
		sqe.PrepPollAdd(int(s.fd), unix.POLLOUT)
	} else {
		sqe.PrepPollAdd(int(s.fd), unix.POLLIN|unix.POLLRDHUP)
	}
	sqe.UserData = userData(s.gen, tagOp|i)
	return true
}

// spliceReady goes on when the socket may be ready.
func (e *engine) spliceReady(i uint32, s *slot, c ring.CQE) {
	e.disarm(i)
	switch {
	case c.Res < 0:
		e.failed(i, unix.Errno(-c.Res))
	case e.unwanted(s):
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
	case e.fileLeft <= 0:
		e.slots.push(inFiles, i)
	default:
		if r, done := e.splice(i, s); done {
			e.finish(i, r)
		}
	}
}

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

// splice moves what it can without blocking. It is not done if it has to wait, which it
// does without a try where the last one left no room, or nothing.
func (e *engine) splice(i uint32, s *slot) (r driver.Result, done bool) {
	x, k := s.op.Ext, &e.socks[s.fd]
	switch {
	case x == nil || x.Len <= 0 || s.op.Code == driver.RecvPipe && x.Pipes == nil:
		r.Err = os.ErrInvalid
	case s.op.Code == driver.SendPipe && !k.full:
		r = e.sendPipe(s, x, k)
	case s.op.Code == driver.RecvPipe && k.wet:
		r = e.recvPipe(s, x, k)
	default:
		r.Err = unix.EAGAIN
	}
	if r.Err == unix.EAGAIN {
		e.start(i)
		return driver.Result{}, false
	}
	return r, true
}

func (e *engine) recvPipe(s *slot, x *driver.Ext, k *socket) (r driver.Result) {
	pipe, err := x.Pipes.TakePipe()
	if err != nil {
		return driver.Result{Err: err}
	}
	r.N, r.Err = sock.Splice(pipe.W, int(s.fd), x.Len)
	if r.N > 0 {
		x.Pipe = pipe
		e.stats.BytesIn += uint64(r.N)
		e.moved(k, r.N)
		k.wet = int64(r.N) == min(x.Len, sock.SpliceMax)
		return r
	}
	x.Pipes.GivePipe(pipe)
	if r.Err == nil {
		r.Err = io.EOF
	}
	return r
}

func (e *engine) sendPipe(s *slot, x *driver.Ext, k *socket) (r driver.Result) {
	r.N, r.Err = sock.Splice(int(s.fd), x.Pipe.R, x.Len)
	switch {
	case r.N > 0:
		e.stats.BytesOut += uint64(r.N)
		e.moved(k, r.N)
		k.full = int64(r.N) < min(x.Len, sock.SpliceMax)
	case r.Err == nil:
		r.Err = io.ErrUnexpectedEOF // there was less in the pipe than was said
	}
	return r
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
	if k := &e.socks[s.fd]; s.op.Code == driver.SendPipe {
		k.full = false
	} else {
		k.wet = true
	}
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

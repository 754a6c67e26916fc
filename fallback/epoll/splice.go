//go:build linux

package epoll

import (
	"io"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// OpenPipe implements [driver.Splicer].
func (e *engine) OpenPipe() (driver.Pipe, error) { return sock.OpenPipe() }

// ClosePipe implements [driver.Splicer].
func (e *engine) ClosePipe(p driver.Pipe) { sock.ClosePipe(p) }

// wrongPipe tells that an operation on a pipe names none.
func wrongPipe(op *driver.Op) bool {
	onPipe := op.Code == driver.RecvPipe || op.Code == driver.SendPipe
	return onPipe && (op.Ext == nil || op.Ext.Len <= 0 || op.Code == driver.RecvPipe && op.Ext.Pipes == nil)
}

// recvPipe moves what has come into a pipe and tells whether the operation came to
// its end.
func (e *engine) recvPipe(index uint32, s *socket, slot uint32, op *driver.Op) bool {
	pipe, err := op.Ext.Pipes.TakePipe()
	if err != nil {
		e.fail(slot, err)
		return true
	}
	n, err := sock.Splice(pipe.W, int(s.fd), op.Ext.Len)
	if n > 0 {
		op.Ext.Pipe = pipe
		e.move(s, n) // and not e.received: it came into no cache
		e.stats.BytesIn += uint64(n)
		e.finish(slot, driver.Result{N: n})
		return true
	}
	op.Ext.Pipes.GivePipe(pipe)
	errno, _ := err.(unix.Errno)
	return e.recvEnd(index, s, slot, 0, errno)
}

// sendPipe moves what is in a pipe to the socket.
func (e *engine) sendPipe(s *socket, slot uint32, op *driver.Op) bool {
	n, err := sock.Splice(int(s.fd), op.Ext.Pipe.R, op.Ext.Len)
	if err == nil && n == 0 {
		e.fail(slot, io.ErrUnexpectedEOF) // there was less in the pipe than was said
		return true
	}
	e.move(s, n)
	errno, _ := err.(unix.Errno)
	return e.sendEnd(s, slot, n, n, errno)
}

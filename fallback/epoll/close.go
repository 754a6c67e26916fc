//go:build linux

package epoll

import (
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// startClose ends everything on the socket, and then the socket.
func (e *engine) startClose(slot uint32, r *record, s *socket) {
	if s.kind.datagram() && s.pendingWrite() {
		e.pumpWrite(r.socket.index, s) // of this turn, not tried yet
	}
	e.cancelAll(&s.rd)
	e.cancelAll(&s.wr)
	if s.jobs > 0 {
		s.closer = slot // goes on when the last helper is done
		return
	}
	e.closeSocket(slot, r, s)
}

// cancelAll cancels the operations of a queue. Those that a helper works for stay.
func (e *engine) cancelAll(q *queue) {
	for slot := q.head; slot != none; {
		r := e.records.at(slot)
		next := r.next
		e.cancel(slot, r)
		slot = next
	}
}

// closeSocket closes the descriptor. The entry stays until the completion is
// delivered, so that its number has no new owner before.
func (e *engine) closeSocket(slot uint32, r *record, s *socket) {
	fd := int(s.fd)
	if s.is(shown) {
		e.unregister(s)
		if sock.Lingers(fd) {
			s.flags |= lingers
		}
	}
	s.fd = -1
	if r.op.Abort {
		_ = sock.Reset(fd)
		s.flags &^= lingers
	}
	if s.is(lingers) {
		j := e.workers.get(jobClose)
		j.fd = fd
		e.start(slot, r, j)
		return
	}
	e.finish(slot, driver.Result{Err: closeFD(fd)})
}

func closeFD(fd int) error {
	// Never again after EINTR: the descriptor is gone (close(2), notes).
	if err := unix.Close(fd); err != nil && err != unix.EINTR {
		return err
	}
	return nil
}

// forget gives the entry of a closed socket back.
func (e *engine) forget(r ref) {
	if s, ok := e.deref(r); ok {
		e.leave(r.index, s)
	}
}

// Close implements [driver.Engine].
func (e *engine) Close() error {
	if e.closed {
		return nil
	}
	e.closing = true
	e.cancelEverything()
	// Callbacks may submit; Close still closes, everything else is refused. Who
	// never stops submitting gets no more answers.
	for range maxLastRounds {
		e.runSubmitted()
		e.workers.close()
		e.collect()
		if e.deliver() == 0 && len(e.submitted) == 0 {
			break
		}
	}
	for i := range e.sockets.len() {
		if s := e.sockets.at(i); s.gen&1 != 0 {
			if s.fd >= 0 {
				unix.Close(int(s.fd))
			}
			e.leave(i, s)
		}
	}
	e.closed = true
	e.destroy()
	return nil
}

const maxLastRounds = 100

// cancelEverything cancels all operations that were started.
func (e *engine) cancelEverything() {
	for i := range e.records.len() {
		r := e.records.at(i)
		if r.stage != stageFree && r.op.Code != driver.Close {
			e.Cancel(r.op)
		}
	}
}

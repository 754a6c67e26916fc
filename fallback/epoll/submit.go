//go:build linux

package epoll

import (
	"fmt"
	"net"
	"os"

	"github.com/headrace/headrace/runtime/driver"
)

// Submit implements [driver.Engine]. It only takes the operation down; Poll
// starts it.
func (e *engine) Submit(op *driver.Op) {
	switch {
	case op.InFlight():
		panic("epoll: Submit of an operation that is in flight")
	case op.Code == driver.Invalid || op.Code >= driver.CodeCount:
		panic(fmt.Sprintf("epoll: Submit of unknown operation %d", op.Code))
	}
	slot := e.open(op)
	if onSocket(op.Code) {
		// Bound here and not in Poll, since the number may have another owner then.
		r := e.records.at(slot)
		if s, ok := e.lookup(op.Socket); ok && !s.is(closing) {
			r.socket = ref{uint32(op.Socket), s.gen}
			s.ops++
			if op.Code == driver.Close {
				s.flags |= closing
			}
		}
	}
	e.submitted = append(e.submitted, slot)
	e.stats.Submitted++
}

func onSocket(c driver.Code) bool {
	switch c {
	case driver.Connect, driver.ReadAt, driver.WriteAt, driver.Fsync:
		return false
	}
	return true
}

// runSubmitted starts what was submitted before. What callbacks submit meanwhile
// is for the next Poll.
func (e *engine) runSubmitted() {
	e.submitted, e.running = e.running[:0], e.submitted
	for _, slot := range e.running {
		e.run(slot)
	}
	e.pumpDatagrams()
}

func (e *engine) run(slot uint32) {
	r := e.records.at(slot)
	op := r.op
	s, ok := e.deref(r.socket)
	switch {
	case onSocket(op.Code) && !ok:
		e.fail(slot, net.ErrClosed)
		return
	case op.Code == driver.Close:
		e.startClose(slot, r, s)
		return
	case r.canceled:
		e.fail(slot, driver.ErrCanceled)
		return
	case e.closing:
		e.fail(slot, net.ErrClosed)
		return
	}
	switch op.Code {
	case driver.Connect:
		e.startConnect(slot, r)
		return
	case driver.ReadAt, driver.WriteAt, driver.Fsync:
		e.startFile(slot, r)
		return
	}
	e.runOnSocket(slot, r, s)
}

func (e *engine) runOnSocket(slot uint32, r *record, s *socket) {
	if wrongPipe(r.op) {
		e.fail(slot, os.ErrInvalid)
		return
	}
	switch r.op.Code {
	case driver.SendTo:
		if s.wr.empty() {
			e.sending = append(e.sending, r.socket) // with those that follow
		}
		e.push(&s.wr, slot)
	case driver.Send, driver.SendFile, driver.SendPipe:
		first := s.wr.empty()
		e.push(&s.wr, slot)
		switch {
		case !first || !s.is(writable):
		case e.moved < fileTurn || r.op.Code == driver.Send:
			e.pumpWrite(r.socket.index, s)
		default: // a file, when it is its turn
			e.schedule(r.socket.index, s)
		}
	case driver.RecvInto:
		if len(r.op.Buf) == 0 {
			e.finish(slot, driver.Result{}) // nothing to wait for
			return
		}
		fallthrough
	default:
		e.push(&s.rd, slot)
		if s.is(readable) {
			e.schedule(r.socket.index, s)
		}
	}
}

// Cancel implements [driver.Engine].
func (e *engine) Cancel(op *driver.Op) {
	if !op.InFlight() || !e.records.has(op.State.Slot) {
		return
	}
	slot := op.State.Slot
	r := e.records.at(slot)
	if r.op != op || r.gen != op.State.Gen || op.Code == driver.Close {
		return
	}
	switch r.stage {
	case stageSubmitted:
		r.canceled = true
	case stageQueued, stageJob:
		e.cancel(slot, r)
	}
}

// cancel ends an operation that was started. What a helper works on goes on to
// the end of its piece.
func (e *engine) cancel(slot uint32, r *record) {
	if r.stage == stageJob && !e.workers.drop(r.job) {
		r.canceled = true
		return
	}
	s, ok := e.deref(r.socket)
	if r.job != nil {
		e.workers.put(r.job)
		r.job = nil
		if ok {
			s.jobs--
		}
	}
	if ok {
		e.unlink(&s.rd, slot)
		e.unlink(&s.wr, slot)
		if r.op.Code == driver.Connect {
			e.abandon(r.socket.index, s)
		}
		if s.pendingWrite() {
			e.schedule(r.socket.index, s) // what stood behind it may go on
		}
	}
	e.finish(slot, driver.Result{N: r.done, Err: driver.ErrCanceled})
}

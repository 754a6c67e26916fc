//go:build linux

package uring

import (
	"log/slog"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/crowd"
	"github.com/headrace/headrace/internal/park"
	"github.com/headrace/headrace/internal/tries"
	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

// engine is one ring and what belongs to it. All of it is used by the thread that
// opened it, except the parts of waker that say otherwise.
type engine struct {
	ring  *ring.Ring
	pool  *buffers.Pool
	log   *slog.Logger
	slots slots
	socks []socket // by descriptor

	recv    recvRing
	beyond  *buffers.Chunk // see bulkRoom
	fixed   fixed
	arena   arena
	pending []outcome // made by the engine, to be delivered by the next Poll
	spare   []outcome // the same, while they are being delivered
	closing []int32   // sockets whose operations are to be cancelled
	stuck   []int32   // the same, to be tried again at the next tick

	warm      sock.Warm // ranges of files that were in memory a moment ago
	fileLeft  int64     // what files and pipes may still move in this turn
	nextTick  time.Time
	delivered uint64 // completions handed to owners
	wakeArmed bool
	copied    routes // see zerocopy.go
	naps      tries.Skips
	waits     park.Waits
	crowd     crowd.Crowd
	place     *park.Place // nil if the loop can not park
	arrived   func() bool // somethingCame
	watcher   watcher
	recvPrio  uint16 // tests: what receives ask for besides

	caps    driver.Caps
	feats   features
	stats   driver.Stats
	res     driver.Result // handed to Complete by reference
	msg     datagram      // what res.Msg points to
	cqes    [reapBatch]ring.CQE
	refused int                  // enters in a row that the kernel had no memory for
	refusal func() syscall.Errno // of a test; see RefuseEnters
	loop    int
	closed  bool
	leaving bool // Close is reaping

	waker waker
}

// reapBatch is how many completions are copied out of the ring before their
// callbacks run: 4 KiB.
const reapBatch = 256

var (
	_ driver.Engine    = (*engine)(nil)
	_ driver.ReadNower = (*engine)(nil)
	_ driver.Unsenter  = (*engine)(nil)
	_ driver.Splicer   = (*engine)(nil)
	_ driver.Trimmer   = (*engine)(nil)
)

// Caps implements driver.Engine.
func (e *engine) Caps() driver.Caps { return e.caps }

// Submit implements driver.Engine.
func (e *engine) Submit(op *driver.Op) {
	if op.State.Flight != 0 {
		panic("uring: Submit of an operation in flight: " + op.Code.String())
	}
	i, s := e.slots.take()
	s.op = op
	op.State.Slot, op.State.Gen, op.State.Flight = i, s.gen, 1

	switch op.Code {
	case driver.Recv, driver.Send, driver.RecvInto, driver.Accept, driver.SendFile, driver.RecvFrom,
		driver.SendTo, driver.RecvPipe, driver.SendPipe:
		if e.join(s, op.Socket) {
			e.begin(i, s)
		} else {
			e.refuse(i)
		}
	case driver.Close:
		e.submitClose(i, s)
	case driver.Connect:
		e.submitConnect(i, s)
	case driver.ReadAt, driver.WriteAt, driver.Fsync:
		e.submitFile(i, s)
	default:
		e.slots.put(i)
		op.State = driver.OpState{}
		panic("uring: Submit of an unknown operation: " + op.Code.String())
	}
}

// begin starts an operation on an open socket.
func (e *engine) begin(i uint32, s *slot) {
	switch s.op.Code {
	case driver.RecvInto:
		if len(s.op.Buf) == 0 {
			e.pend(i, 0, nil) // the kernel would wait for data
			return
		}
	case driver.Recv:
		if e.socks[s.fd].bulky {
			s.flags |= bulky
		}
	case driver.SendFile, driver.RecvPipe, driver.SendPipe:
		e.slots.push(inFiles, i)
		return
	case driver.SendTo:
		if err := e.checkSendTo(s); err != nil {
			e.pend(i, 0, err)
			return
		}
	}
	e.start(i)
}

// start arms slot i, or leaves that to Poll when the submission queue is full.
// Operations keep their order.
func (e *engine) start(i uint32) {
	if e.slots.lists[inBacklog].n != 0 || !e.arm(i) {
		e.slots.push(inBacklog, i)
	}
}

// arm puts an SQE for slot i into the ring. It returns false, and has changed
// nothing, when there is no room.
func (e *engine) arm(i uint32) bool {
	s := &e.slots.all[i]
	var ok bool
	switch s.op.Code {
	case driver.Recv:
		ok = e.armRecv(i, s)
	case driver.Send:
		ok = e.armSend(i, s)
	case driver.RecvInto:
		ok = e.armRecvInto(i, s)
	case driver.Accept:
		ok = e.armAccept(i, s)
	case driver.SendFile:
		ok = e.armSendFile(i, s)
	case driver.RecvPipe, driver.SendPipe:
		ok = e.armSplice(i, s)
	case driver.RecvFrom:
		ok = e.armRecvFrom(i, s)
	case driver.SendTo:
		ok = e.armSendTo(i, s)
	case driver.Connect:
		ok = e.armConnect(i, s)
	case driver.Close:
		ok = e.armClose(i, s)
	default:
		ok = e.armFile(i, s)
	}
	if ok {
		s.flags |= armed
	}
	return ok
}

// rearm goes on with a repeating operation whose last CQE was final though it did
// not end, unless somebody asked for its end meanwhile.
func (e *engine) rearm(i uint32) {
	if e.unwanted(&e.slots.all[i]) {
		e.finish(i, driver.Result{Err: driver.ErrCanceled})
		return
	}
	e.start(i)
}

// later arms an operation again at the next tick. It is for EAGAIN, which the
// kernel is to turn into waiting; where it does not, the loop must not spin.
func (e *engine) later(i uint32) {
	s := &e.slots.all[i]
	if !e.unwanted(s) {
		e.slots.push(inLater, i)
		return
	}
	n := 0
	if s.op.Code == driver.RecvInto {
		n = s.want
	}
	e.finish(i, driver.Result{N: n, Err: driver.ErrCanceled})
}

// unwanted reports that the operation was cancelled, or its socket is closing.
func (e *engine) unwanted(s *slot) bool {
	return s.flags&canceled != 0 || s.flags&anonymous == 0 && e.socks[s.fd].state == sockClosing
}

// sqe returns a free entry, making room with a system call if it must: one that
// neither waits nor runs completions. Nil when the kernel takes none either.
func (e *engine) sqe() *ring.SQE {
	if sqe := e.ring.GetSQE(); sqe != nil {
		return sqe
	}
	e.flush()
	return e.ring.GetSQE()
}

// deliver hands a completion that is not the last one to the owner.
func (e *engine) deliver(op *driver.Op, r driver.Result) {
	r.More = true
	e.res = r
	e.delivered++
	op.Owner.Complete(op, &e.res)
}

// failed handles the errno of an operation of which nothing was done.
func (e *engine) failed(i uint32, errno unix.Errno) {
	switch errno {
	case unix.EAGAIN:
		e.later(i)
	case unix.EINTR:
		e.rearm(i)
	case unix.ECANCELED:
		if !e.spurned(i) {
			e.finish(i, driver.Result{Err: driver.ErrCanceled})
		}
	default:
		e.finish(i, driver.Result{Err: errno})
	}
}

// maxSpurned is for how many ticks an operation is tried that the kernel has no thread for.
const maxSpurned = 200

// spurned handles a cancellation that nobody asked for: the kernel cancels a request when
// it can start no worker thread for it, as at the bound of the user's processes. It may
// have one later. It returns false if somebody did ask.
func (e *engine) spurned(i uint32) bool {
	s := &e.slots.all[i]
	if e.leaving || e.unwanted(s) {
		return false
	}
	if s.spurned++; s.spurned > maxSpurned {
		e.finish(i, driver.Result{Err: unix.EAGAIN})
		return true
	}
	e.slots.push(inLater, i)
	return true
}

// finish ends the operation in slot i and hands its last result to the owner, who
// has the record back then.
func (e *engine) finish(i uint32, r driver.Result) {
	s := &e.slots.all[i]
	op, fd, flags := s.op, s.fd, s.flags
	e.slots.put(i)
	op.State.Flight = 0
	if flags&anonymous == 0 {
		e.leave(fd)
	}
	if r.Err == driver.ErrCanceled {
		e.stats.Canceled++
	}
	e.res = r
	e.delivered++
	op.Owner.Complete(op, &e.res)
}

//go:build linux

package uring

import (
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

// laterTick bounds a wait while something can only go on by looking again:
// buffers that other goroutines may release, a cancel request that missed.
const laterTick = 5 * time.Millisecond

// Poll implements driver.Engine.
func (e *engine) Poll(wait time.Duration) (int, error) {
	if e.closed {
		return 0, net.ErrClosed
	}
	if e.watcher.unsure {
		wait = e.watch(wait)
	}
	e.fileLeft = fileTurn
	e.gather()
	if err := e.enter(wait); err != nil {
		return 0, err
	}
	before := e.delivered
	if len(e.pending) != 0 {
		e.deliverPending()
	}
	e.reap()
	if e.slots.lists[inReadable].n != 0 {
		e.receiveBulk()
	}
	return int(e.delivered - before), nil
}

// gather readies everything that has to go to the kernel with the next enter.
func (e *engine) gather() {
	if len(e.recv.free) != 0 {
		e.recv.refill()
	}
	if e.recv.limited {
		e.unregister()
	}
	lists := &e.slots.lists
	if lists[inLater].n != 0 || len(e.stuck) != 0 {
		e.retryLater()
	}
	if lists[inBacklog].n != 0 {
		e.startBacklog()
	}
	if lists[inFiles].n != 0 {
		e.sendFiles()
	}
	if lists[inStarved].n != 0 {
		e.feed()
	}
	if lists[inCancels].n != 0 {
		e.sendCancels()
	}
	if len(e.closing) != 0 {
		e.sendSocketCancels()
	}
	if !e.wakeArmed {
		e.armWake()
	}
}

// startBacklog arms what found the submission queue full, in order.
func (e *engine) startBacklog() {
	for e.slots.lists[inBacklog].n != 0 {
		i := e.slots.lists[inBacklog].head
		if s := &e.slots.all[i]; e.unwanted(s) && s.flags&lastTry == 0 {
			e.slots.remove(i)
			e.abandon(i)
			continue
		}
		if !e.arm(i) {
			return
		}
		e.slots.remove(i)
	}
}

// retryLater looks again at what waited for a tick.
func (e *engine) retryLater() {
	now := time.Now()
	if now.Before(e.nextTick) {
		return
	}
	e.nextTick = now.Add(laterTick)
	e.closing = append(e.closing, e.stuck...)
	e.stuck = e.stuck[:0]
	for n := e.slots.lists[inLater].n; n > 0; n-- {
		i := e.slots.pop(inLater)
		s := &e.slots.all[i]
		switch {
		case s.flags&armed != 0:
			e.slots.push(inCancels, i)
		case e.unwanted(s):
			e.abandon(i)
		case s.op.Code == driver.SendFile, s.op.Code == driver.RecvPipe, s.op.Code == driver.SendPipe:
			e.slots.push(inFiles, i)
		default:
			e.start(i)
		}
	}
}

// ticking reports that the next wait must be a short one: something goes on by looking
// again, or found no room in the submission queue.
func (e *engine) ticking() bool {
	l := &e.slots.lists
	return l[inStarved].n != 0 || l[inLater].n != 0 || len(e.stuck) != 0 ||
		l[inBacklog].n != 0 || l[inCancels].n != 0 || len(e.closing) != 0 || !e.wakeArmed
}

// enter submits, and waits if there is nothing to do.
func (e *engine) enter(wait time.Duration) error {
	if e.refusal != nil {
		if errno := e.refusal(); errno != 0 {
			return e.entered(0, errno)
		}
	}
	lists := &e.slots.lists
	if len(e.pending) != 0 || lists[inReadable].n != 0 || lists[inFiles].n != 0 || e.ring.CQReady() != 0 {
		wait = 0
	} else if e.ticking() && (wait < 0 || wait > laterTick) {
		wait = laterTick
	}
	if wait == 0 || !e.waker.sleep() {
		e.waker.rouse()
		if e.ring.SQReady() == 0 && e.idleKernel() {
			return nil
		}
		return e.entered(e.ring.SubmitAndGetEvents())
	}
	defer e.waker.rouse()
	return e.enterAndWait(wait)
}

// RefuseEnters is for tests: errno is asked before an enter, and tells with what it is
// to be refused, as the kernel could; zero for not at all.
func (e *engine) RefuseEnters(errno func() syscall.Errno) { e.refusal = errno }

// idleKernel reports that no completion waits inside the kernel for an enter.
// Only a ring with task run flags can tell.
func (e *engine) idleKernel() bool {
	return e.ring.Flags()&ring.SetupTaskrunFlag != 0 && !e.ring.NeedsEnter()
}

// flush makes room in the submission queue without running completions. An error is as
// if there were no room: it comes again with the next enter, or has passed.
func (e *engine) flush() {
	if n, err := e.ring.Submit(); err == nil {
		e.submitted(n)
	}
}

func (e *engine) submitted(n int) {
	e.stats.Enters++
	e.stats.Submitted += uint64(n)
	if n != 0 && e.ring.SQReady() == 0 {
		e.arena.reset()
	}
}

// entered looks at what enter answered (io_uring_enter(2), "ERRORS"). SQEs that
// the kernel did not take are still queued, and so is what they point to.
func (e *engine) entered(n int, err error) error {
	e.submitted(n)
	if err == nil {
		e.refused = 0
		return nil
	}
	switch err {
	case unix.ETIME, unix.EINTR:
		return nil
	case unix.EAGAIN, unix.EBUSY:
		// No memory for requests, or an overflowed completion queue: reap, and try
		// again. Not in a tight loop, if there is nothing to reap.
		if e.refused++; e.refused > 3 {
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	return fmt.Errorf("uring: io_uring_enter: %w: %s", err, ring.EnterMeaning(err))
}

// room makes sure that the arena has room, flushing if it must.
func (e *engine) room(iovs, raw int) bool {
	if e.arena.fits(iovs, raw) {
		return true
	}
	e.flush()
	return e.arena.fits(iovs, raw)
}

// reap takes completions out of the ring, a batch at a time, and calls back after
// each batch. It stops when the queue was seen empty: what a callback brings about
// is for the next Poll.
func (e *engine) reap() {
	if e.ring.CQReady() == e.ring.CQEntries() && e.ring.NeedsEnter() {
		e.stats.Overflows++ // the kernel keeps what found no room (FEAT_NODROP)
	}
	for left := int(e.ring.CQEntries()); left > 0; left -= len(e.cqes) {
		n := e.ring.PeekBatch(e.cqes[:])
		e.stats.Completed += uint64(n)
		for k := range e.cqes[:n] {
			e.dispatch(e.cqes[k])
		}
		if n < len(e.cqes) {
			return
		}
	}
}

// dispatch finds the operation that a completion belongs to.
func (e *engine) dispatch(c ring.CQE) {
	low := uint32(c.UserData)
	if low&tagMask != tagOp {
		e.dispatchOwn(c)
		return
	}
	if low >= uint32(len(e.slots.all)) {
		e.stray(c)
		return
	}
	s := &e.slots.all[low]
	if s.gen != uint32(c.UserData>>32) || s.op == nil {
		e.stray(c)
		return
	}
	switch s.op.Code {
	case driver.Recv:
		e.received(low, s, c)
	case driver.Send:
		e.sent(low, s, c)
	case driver.RecvInto:
		e.receivedInto(low, s, c)
	case driver.Accept:
		e.accepted(low, s, c)
	case driver.SendFile:
		e.sendFileStep(low, s, c)
	case driver.RecvPipe, driver.SendPipe:
		e.spliceReady(low, s, c)
	case driver.RecvFrom:
		e.receivedFrom(low, s, c)
	case driver.SendTo:
		e.sentTo(low, s, c)
	case driver.Connect:
		e.connected(low, s, c)
	case driver.Close:
		e.closedByRing(low, s, c)
	default:
		e.fileDone(low, s, c)
	}
}

// dispatchOwn handles completions of the engine's own requests.
func (e *engine) dispatchOwn(c ring.CQE) {
	low := uint32(c.UserData)
	switch low & tagMask {
	case tagCancel:
		e.cancelDone(low&^tagMask, uint32(c.UserData>>32), c.Res)
	case tagSocket:
		e.socketCancelDone(int32(low&^tagMask), uint32(c.UserData>>32))
	default:
		if low == ownWake {
			e.woken(c)
		}
	}
}

// stray handles a completion that no operation waits for, which the kernel's
// rules leave no room for. The buffer that it may carry is saved all the same.
func (e *engine) stray(c ring.CQE) {
	if c.HasBuffer() {
		e.recv.drop(c.BufferID())
	}
	e.log.Error("uring: stray completion", "loop", e.loop, "user_data", c.UserData, "res", c.Res,
		"flags", c.Flags.String())
}

// disarm notes that the kernel is done with slot i's request.
func (e *engine) disarm(i uint32) {
	s := &e.slots.all[i]
	if s.flags&fixedMem != 0 {
		e.fixed.inflight--
	}
	s.flags &^= armed | fixedMem | polled
	if s.where != nowhere {
		e.slots.remove(i) // a cancel request that is not needed any more
	}
}

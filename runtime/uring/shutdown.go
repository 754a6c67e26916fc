//go:build linux

package uring

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// closePatience bounds how long Close waits for operations that the kernel can
// not cancel: reads and writes that sit in a device.
const closePatience = 10 * time.Second

// Close implements driver.Engine. The ring is closed after everything was reaped:
// the kernel takes a closed ring apart later, in its own time, and would still
// write to the memory of what was in flight. If something can not be ended, Close
// says so and leaves the ring and its memory alone.
func (e *engine) Close() error {
	if e.closed {
		return nil
	}
	e.leaving = true
	for fd := range e.socks {
		if e.socks[fd].state == sockOpen {
			e.socks[fd].state = sockClosing // nothing joins it any more
		}
	}
	err := e.drain(closePatience)
	e.closed = true
	if err != nil {
		return errors.Join(err, e.waker.close(), e.closePlace())
	}
	return e.release()
}

// drain ends all operations and delivers their completions.
func (e *engine) drain(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for e.slots.used != 0 || e.wakeArmed {
		e.abandonAll()
		e.cancelAll()
		if err := e.enter(laterTick); err != nil {
			return err
		}
		e.deliverPending()
		e.reap()
		now := time.Now()
		if now.After(deadline.Add(-patience * 9 / 10)) {
			e.disconnectLanded()
		}
		if now.After(deadline) {
			return fmt.Errorf("uring: %d operations did not end: %w", e.slots.used, unix.EBUSY)
		}
	}
	return nil
}

// abandonAll ends what is not with the kernel.
func (e *engine) abandonAll() {
	for _, w := range [...]where{inBacklog, inStarved, inReadable, inFiles, inLater} {
		for n := e.slots.lists[w].n; n > 0; n-- {
			i := e.slots.pop(w)
			s := &e.slots.all[i]
			s.flags |= canceled
			if s.flags&armed == 0 {
				e.abandon(i)
			}
		}
	}
}

// disconnectLanded resets connections whose peers do not take what was sent
// without a copy: nothing else brings the notifications.
func (e *engine) disconnectLanded() {
	for fd := range e.socks {
		if e.socks[fd].landed != 0 {
			disconnect(int32(fd))
		}
	}
}

// cancelAll asks the kernel to cancel everything on the ring.
func (e *engine) cancelAll() {
	if sqe := e.sqe(); sqe != nil {
		sqe.PrepCancel(0, ring.CancelAny|ring.CancelAll)
		sqe.UserData = userData(0, ownCancelAll)
	}
}

// release gives back descriptors and memory.
func (e *engine) release() error {
	var errs []error
	for fd := range e.socks {
		if e.socks[fd].state != sockNone {
			errs = append(errs, unix.Close(fd))
			e.forget(int32(fd))
		}
	}
	return errors.Join(append(errs, e.recv.close(), e.ring.Close(), e.waker.close(), e.closePlace())...)
}

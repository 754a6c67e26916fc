//go:build linux

package uring

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// waker ends a wait from other goroutines. The loop says when it goes to sleep,
// so that a wake of a loop that is awake costs no system call.
type waker struct {
	_     [64]byte // the loop's own fields stay on cache lines that others do not write
	state atomic.Uint32
	calls atomic.Uint64
	mu    sync.Mutex
	fd    int // eventfd in the ring; -1 when closed
	place int // eventfd where the loop parks
	_     [64]byte
}

// The states of a waker.
const (
	awake  uint32 = iota // the loop runs
	asleep               // the loop waits in the ring, or is about to: it takes a system call
	parked               // the same in Go's netpoller
	roused               // somebody called Wake; the next Poll does not wait
)

// The engine's own requests.
const (
	ownWake      = tagOwn | 1 // the poll request on the eventfd
	ownCancelAll = tagOwn | 2 // Close's request to end everything
	ownTrial     = tagOwn | 3 // Open's trial of multishot receive
)

// Wake implements driver.Engine.
func (e *engine) Wake() { e.waker.wake() }

func (w *waker) wake() {
	if w.state.Load() == roused {
		return
	}
	if was := w.state.Swap(roused); was == asleep || was == parked {
		w.signal(was)
	}
}

// signal writes to the eventfd of that state. The lock keeps both from being closed, and
// their numbers from being something else, in between.
//
// A parked loop is not woken through the ring, which would have to write to one eventfd
// while it is told of a write to another: the kernel puts that off by some milliseconds.
func (w *waker) signal(was uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 {
		return
	}
	w.calls.Add(1)
	fd := w.fd
	if was == parked {
		fd = w.place
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(fd, one[:]) // can not fail before 2^64 wakes
}

// sleep is false when somebody woke the loop since it last waited.
func (w *waker) sleep() bool { return w.state.CompareAndSwap(awake, asleep) }

// park is sleep's next step, and false for the same reason.
func (w *waker) park() bool { return w.state.CompareAndSwap(asleep, parked) }

// heard reports that somebody woke the loop since it went to sleep.
func (w *waker) heard() bool { return w.state.Load() == roused }

// rouse notes that the loop runs, and that it has heard every Wake so far.
func (w *waker) rouse() {
	if w.state.Load() != awake {
		w.state.Store(awake)
	}
}

func (w *waker) open() (err error) {
	w.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return err
}

func (w *waker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fd := w.fd
	w.fd = -1
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// armWake puts the poll request on the eventfd into the ring. It reports every
// write, so that nobody has to read the eventfd.
func (e *engine) armWake() bool {
	sqe := e.sqe()
	if sqe == nil {
		return false
	}
	sqe.PrepPollMultishot(e.waker.fd, unix.POLLIN)
	sqe.UserData = userData(0, ownWake)
	e.wakeArmed = true
	return true
}

// woken handles a completion of the poll request. There is nothing to do: the
// wait has ended.
func (e *engine) woken(c ring.CQE) {
	if !c.More() {
		e.wakeArmed = false
	}
}

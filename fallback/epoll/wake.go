//go:build linux

package epoll

import (
	"fmt"
	goruntime "runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// The states of a waker.
const (
	awake    int32 = iota // the loop runs, and will look before it sleeps
	asleep                // the loop is in epoll_wait, or on its way
	notified              // somebody called since the loop last looked
	ended                 // there is nobody to wake
)

// waker ends a wait from any goroutine. Its eventfd is registered edge-triggered
// and never read: every write is an edge, and the counter holds 2^64 of them.
// It is written only when the loop sleeps, and once until the loop looked.
type waker struct {
	state  atomic.Int32
	users  atomic.Int32 // in Wake: the descriptor must stay
	fd     int
	opened bool
	writes atomic.Uint64
}

func (w *waker) open(epfd int) (err error) {
	if w.fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("epoll: eventfd: %w", err)
	}
	w.opened = true
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: -1}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, w.fd, &ev); err != nil {
		return fmt.Errorf("epoll: epoll_ctl: %w", err)
	}
	return nil
}

// Wake ends the wait that is, or the next one.
func (w *waker) Wake() {
	if s := w.state.Load(); s == notified || s == ended {
		return
	}
	w.users.Add(1)
	defer w.users.Add(-1)
	for {
		s := w.state.Load()
		if s == notified || s == ended {
			return
		}
		if !w.state.CompareAndSwap(s, notified) {
			continue
		}
		if s == asleep {
			w.writes.Add(1)
			one := [8]byte{1} // any number but 0 in any byte order
			_, _ = unix.Write(w.fd, one[:])
		}
		return
	}
}

// sleep is called before waiting. False means: somebody called, do not wait.
func (w *waker) sleep() bool {
	if w.state.CompareAndSwap(awake, asleep) {
		return true
	}
	w.state.CompareAndSwap(notified, awake)
	return false
}

// rise is called after waiting, or instead of it, and tells whether somebody
// called.
func (w *waker) rise() bool {
	return w.state.Load() != awake && w.state.Swap(awake) == notified
}

// close returns when no Wake uses the descriptor any more.
func (w *waker) close() {
	w.state.Store(ended)
	for w.users.Load() != 0 {
		goruntime.Gosched()
	}
	if w.opened {
		unix.Close(w.fd)
		w.opened = false
	}
}

//go:build linux

package uring

import (
	"time"

	"golang.org/x/sys/unix"
)

// A multishot receive can miss a reset. When the kernel wakes up to data and a
// reset at once, it takes the data, thinks that nothing is left, and waits for an
// event that has been. (An orderly end is safe, on TCP: see tryEnd.) It takes a
// peer that resets within a microsecond of its data, and it would leave the
// connection hanging for ever. So the engine looks for itself, once, at every
// socket that has gone quiet after it received something.

const (
	// watchTick is how often the engine looks, while there is something to look at.
	watchTick = time.Second
	// watchTurns is how many turns without a wait go by before it asks for the time.
	watchTurns = 1024
	// heardLately is how many looks go by before a socket that received something
	// counts as quiet. The first comes in less than a tick.
	heardLately = 2
)

// watcher is what it takes to look.
type watcher struct {
	unsure bool // a receive got something, and nobody has looked since
	turns  uint
	next   time.Time
	fds    []unix.PollFd
	slots  []uint32 // of fds
}

// watch looks if it is time to, and shortens a wait that would last for longer.
func (e *engine) watch(wait time.Duration) time.Duration {
	w := &e.watcher
	if wait == 0 {
		if w.turns++; w.turns%watchTurns != 0 {
			return 0
		}
	}
	now := time.Now()
	left := w.next.Sub(now)
	if left <= 0 {
		e.look()
		left = watchTick
		w.next = now.Add(left)
	}
	if w.unsure && (wait < 0 || wait > left) {
		return left
	}
	return wait
}

// look asks the kernel, in one call, about all sockets that have gone quiet. A
// receive on one that is over is cancelled and armed anew, for then it looks first.
func (e *engine) look() {
	w := &e.watcher
	w.unsure = false
	w.fds, w.slots = w.fds[:0], w.slots[:0]
	for i := range e.slots.all {
		s := &e.slots.all[i]
		if s.heard == 0 {
			continue
		}
		if s.heard--; s.heard != 0 {
			w.unsure = true
		} else if s.flags&armed != 0 {
			w.fds = append(w.fds, unix.PollFd{Fd: s.fd, Events: unix.POLLRDHUP})
			w.slots = append(w.slots, uint32(i))
		}
	}
	if len(w.fds) == 0 {
		return
	}
	if n, err := unix.Poll(w.fds, 0); n <= 0 || err != nil {
		return // nobody else looks at what fails here, and nobody else would be told
	}
	for k, i := range w.slots {
		if w.fds[k].Revents != 0 && e.slots.all[i].where == nowhere {
			e.slots.push(inCancels, i)
		}
	}
}

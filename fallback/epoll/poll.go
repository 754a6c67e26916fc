//go:build linux

package epoll

import (
	"net"
	goruntime "runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// tick is how long parked sockets wait.
	tick = time.Millisecond
	// turnBytes ends a turn that has received so much: what was received should
	// still be in the second-level cache when it is sent on.
	turnBytes = 256 << 10
)

// Poll implements [driver.Engine].
func (e *engine) Poll(wait time.Duration) (int, error) {
	if e.closed {
		e.runSubmitted()
		return e.deliver(), net.ErrClosed
	}
	e.runSubmitted()
	var end time.Time // known when there is a second pass
	for {
		woken, slept, err := e.gather(wait)
		if err != nil {
			return e.deliver(), err
		}
		e.collect()
		e.unpark()
		n := e.serve()
		n += e.deliver()
		if n > 0 || woken || wait == 0 {
			return n, nil
		}
		// An edge that nobody waited for, a signal, the tick of the parked, or bytes
		// of an operation that has yet to end.
		if wait > 0 {
			now := time.Now()
			if end.IsZero() {
				end = now.Add(wait - slept)
			}
			if wait = end.Sub(now); wait <= 0 {
				return 0, nil
			}
		}
	}
}

// gather asks the kernel what is ready and waits if there is nothing else to do.
func (e *engine) gather(wait time.Duration) (woken bool, slept time.Duration, err error) {
	if e.undelivered() > 0 && e.ready.len() == 0 && !e.skipped {
		// Deliver first: the events can wait for the Poll that the caller makes
		// anyway. But not twice, so that nobody is left out.
		e.skipped = true
		return e.wake.rise(), 0, nil
	}
	e.skipped = false
	switch {
	case e.undelivered() > 0 || e.ready.len() > 0 || e.workers.any():
		wait = 0
	case len(e.parked) > 0 && (wait < 0 || wait > tick):
		wait = tick
	}
	if wait != 0 {
		// Let others run first on this thread: to wait costs a thread switch.
		goruntime.Gosched()
		if !e.wake.sleep() {
			wait, woken = 0, true
		}
	}
	n, slept, err := e.wait(wait)
	if e.wake.rise() {
		woken = true
	}
	if err != nil {
		return woken, slept, err
	}
	for i := range e.events[:n] {
		e.edge(&e.events[i])
	}
	return woken, slept, nil
}

// edge notes what an event says about its socket.
func (e *engine) edge(ev *unix.EpollEvent) {
	r := ref{uint32(ev.Fd), uint32(ev.Pad)}
	s, ok := e.deref(r)
	if !ok {
		return // the waker, or a descriptor that others keep open
	}
	const broken = unix.EPOLLERR | unix.EPOLLHUP
	if ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLPRI|broken) != 0 {
		if s.is(readable) && s.rd.empty() {
			e.deafen(r.index, s)
		}
		s.flags |= readable
	}
	if ev.Events&(unix.EPOLLRDHUP|unix.EPOLLPRI|broken) != 0 {
		s.flags |= hungUp
	}
	if ev.Events&(unix.EPOLLOUT|broken) != 0 {
		s.flags |= writable
	}
	if s.pendingRead() || s.pendingWrite() {
		e.schedule(r.index, s)
	}
}

// serve gives one turn to every socket that is in line, as far as the turn goes.
// It returns how many results it had to deliver before its end.
func (e *engine) serve() (delivered int) {
	e.moved = 0
	for n := e.ready.len(); n > 0 && e.received < turnBytes && e.moved < fileTurn; n-- {
		r := e.ready.pop()
		s, ok := e.deref(r)
		if !ok {
			continue
		}
		s.flags &^= inLine
		if s.pendingWrite() {
			e.pumpWrite(r.index, s)
		}
		if s.pendingRead() && e.pumpRead(r.index, s) {
			e.schedule(r.index, s)
		}
		if e.grams.full() {
			delivered += e.deliver()
		}
	}
	if e.spare != nil {
		e.spare.Release()
		e.spare = nil
	}
	e.received, e.moved, e.dry = 0, 0, false
	return delivered
}
